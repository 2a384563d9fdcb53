import java.util.*;
import java.util.stream.*;

public class StreamTour {
    record Employee(String name, String team, int age, double salary) {}

    static void show(Object value) {
        System.out.println(value);
    }

    public static void main(String[] args) {
        List<Employee> staff = List.of(
                new Employee("Ann", "dev", 31, 5200), new Employee("Bob", "ops", 45, 4800),
                new Employee("Cid", "dev", 27, 4100.5), new Employee("Dee", "hr", 39, 3900),
                new Employee("Eve", "ops", 23, 3650));
        show(staff.stream().collect(Collectors.groupingBy(Employee::team, TreeMap::new, Collectors.averagingDouble(Employee::salary))));
        show(staff.stream().collect(Collectors.toMap(Employee::team, Employee::age, Math::max, TreeMap::new)));
        System.out.println(staff.stream().mapToInt(Employee::age).summaryStatistics());
        System.out.println(IntStream.rangeClosed(1, 5).mapToObj("*"::repeat).collect(Collectors.joining("\n")));
        System.out.println(Stream.of(List.of(1, 2), List.of(3), List.<Integer>of()).flatMap(List::stream).reduce(0, Integer::sum));
        System.out.println(Stream.iterate(1, n -> n < 500, n -> n * 3).toList());
        System.out.println(IntStream.of(5, 3, 8, 3).boxed().sorted(Collections.reverseOrder()).distinct().toList());
        System.out.println(Stream.of("a", "b", "c", "d").takeWhile(s -> !s.equals("c")).peek(s -> System.out.print("peek " + s + "; ")).count());
        show("hello".chars().mapToObj(c -> (char) c).collect(Collectors.groupingBy(c -> c, LinkedHashMap::new, Collectors.counting())));
        show(staff.stream().map(Employee::name).collect(Collectors.teeing(Collectors.counting(), Collectors.joining("+"), (n, s) -> n + ":" + s)));
        System.out.println(staff.stream().anyMatch(e -> e.age() > 40) + " " + DoubleStream.of(1, 2, 4).average().getAsDouble());
        Stream<String> once = Stream.of("x");
        once.forEach(System.out::println);
        once.forEach(System.out::println);
    }
}
