import java.util.*;
import java.util.stream.*;

public class CsvReport {
    record Sale(String region, String product, int units, double price) {
        double total() {
            return units * price;
        }
    }

    static List<String> split(String line) {
        List<String> cells = new ArrayList<>();
        StringBuilder cell = new StringBuilder();
        boolean quoted = false;
        for (char c : line.toCharArray()) {
            if (c == '"') quoted = !quoted;
            else if (c == ',' && !quoted) {
                cells.add(cell.toString());
                cell.setLength(0);
            } else cell.append(c);
        }
        cells.add(cell.toString());
        return cells;
    }

    public static void main(String[] args) {
        String csv = """
            region,product,units,price
            north,"Tea, green",10,2.50
            south,Coffee,4,7.25
            north,Coffee,bad,7.25
            south,"Tea, green",1,2.75
            west,Milk,12,0.99
            """;
        List<Sale> sales = new ArrayList<>();
        for (String line : csv.lines().skip(1).toList()) {
            List<String> cells = split(line);
            try {
                sales.add(new Sale(cells.get(0), cells.get(1), Integer.parseInt(cells.get(2)), Double.parseDouble(cells.get(3))));
            } catch (NumberFormatException e) {
                System.err.println("skipped: " + line + " (" + e.getMessage() + ")");
            }
        }
        Map<String, DoubleSummaryStatistics> byRegion = sales.stream()
                .collect(Collectors.groupingBy(Sale::region, TreeMap::new, Collectors.summarizingDouble(Sale::total)));
        byRegion.forEach((region, s) -> System.out.printf(Locale.US, "%-6s %d %8.2f %8.2f%n", region, s.getCount(), s.getSum(), s.getMax()));
        System.out.println(sales.stream().collect(Collectors.partitioningBy(s -> s.units() > 3, Collectors.mapping(Sale::product, Collectors.joining("|", "<", ">")))));
        System.out.println(sales.stream().sorted(Comparator.comparing(Sale::product).thenComparing(Sale::total, Comparator.reverseOrder())).toList());
    }
}
