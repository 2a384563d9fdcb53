import java.time.*;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.time.temporal.TemporalAdjusters;
import java.util.Locale;

public class FixedDates {
    public static void main(String[] args) {
        LocalDate day = LocalDate.of(2024, Month.FEBRUARY, 28);
        System.out.println(day.plusDays(2) + " " + day.isLeapYear() + " " + day.getDayOfWeek());
        System.out.println(day.with(TemporalAdjusters.firstInMonth(DayOfWeek.MONDAY)));
        System.out.println(ChronoUnit.DAYS.between(day, LocalDate.of(2025, 1, 1)) + " " + Period.between(day, LocalDate.of(2025, 1, 1)));
        ZonedDateTime flight = ZonedDateTime.of(2024, 3, 30, 23, 30, 0, 0, ZoneId.of("Europe/Berlin"));
        System.out.println(flight.plusHours(3).toLocalDateTime() + " " + flight.plusHours(3).getOffset());
        System.out.println(flight.withZoneSameInstant(ZoneOffset.UTC).format(DateTimeFormatter.ISO_INSTANT));
        System.out.println(day.format(DateTimeFormatter.ofPattern("EEE, d MMM uuuu", Locale.ENGLISH)));
        System.out.println(Duration.ofSeconds(3_725).plusMillis(5) + " " + Instant.ofEpochSecond(1_000_000_000));
        LocalDate parsed = LocalDate.parse("03/02/2021", DateTimeFormatter.ofPattern("dd/MM/yyyy"));
        System.out.println(parsed);
        try {
            LocalDate.of(2023, 2, 29);
        } catch (DateTimeException e) {
            System.out.println(e.getMessage());
        }
        try {
            LocalDate.parse("tomorrow");
        } catch (DateTimeParseException e) {
            System.out.println(e.getMessage() + " at " + e.getErrorIndex());
        }
    }
}
