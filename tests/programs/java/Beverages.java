import java.util.ArrayList;
import java.util.List;

interface Beverage {
    double price();

    default String label() {
        return getClass().getSimpleName() + String.format("@%.2f", price());
    }
}

class Espresso implements Beverage {
    @Override
    public double price() {
        return 1.99;
    }
}

abstract class Addition implements Beverage {
    protected final Beverage inner;

    Addition(Beverage inner) {
        this.inner = inner;
    }

    @Override
    public String label() {
        return inner.label() + "+" + Beverage.super.label();
    }
}

class Milk extends Addition {
    Milk(Beverage inner) {
        super(inner);
    }

    @Override
    public double price() {
        return inner.price() + 0.1;
    }
}

public class Beverages {
    public static void main(String[] args) {
        List<Beverage> orders = new ArrayList<>();
        orders.add(new Espresso());
        orders.add(new Milk(new Espresso()));
        orders.add(new Milk(new Milk(new Espresso())));
        orders.forEach(order -> System.out.println(order.label()));
        System.out.printf("%.3f%n", orders.stream().mapToDouble(Beverage::price).sum());
    }
}
