import csv
import io
import statistics

DATA = """name,department,salary
Ann,IT,5200
Bob,HR,4100
Cid,IT,6100
Dee,HR,3900
"""
groups = {}
for row in csv.DictReader(io.StringIO(DATA)):
    groups.setdefault(row["department"], []).append(int(row["salary"]))
for department, salaries in sorted(groups.items()):
    print(department, statistics.mean(salaries), max(salaries))
out = io.StringIO()
csv.writer(out, lineterminator="\n").writerows([["a", "b,c"], ['q"', 1]])
print(out.getvalue(), end="")
