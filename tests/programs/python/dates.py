from datetime import datetime, timedelta, timezone

start = datetime(2024, 1, 31, 12, tzinfo=timezone.utc)
for days in (1, 29, 366):
    print((start + timedelta(days=days)).isoformat())
print((datetime(2024, 3, 10) - datetime(2023, 3, 10)).days)
print(start.strftime("%d %B %Y"), datetime.strptime("07/04/21", "%d/%m/%y").date())
