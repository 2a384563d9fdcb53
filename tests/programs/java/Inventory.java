import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

public class Inventory {
    static class Item {
        private final String name;
        private final int count;

        Item(String name, int count) {
            this.name = Objects.requireNonNull(name, "an item has a name");
            this.count = count;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Item && ((Item) other).name.equals(name);
        }

        @Override
        public int hashCode() {
            return Objects.hash(name);
        }
    }

    public static void main(String[] args) {
        List<Item> items = new ArrayList<>();
        items.add(new Item("bolt", 5));
        System.out.println(items.contains(new Item("bolt", 9)) + " " + items.get(0).count);
        items.add(new Item(null, 1));
    }
}
