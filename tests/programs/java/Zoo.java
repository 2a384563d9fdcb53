// Its main class uses what is declared below it, as in many a textbook.
public class Zoo {
    public static void main(String[] args) {
        Creature[] zoo = {new Parrot("Polly"), new Lion(), new Lion()};
        for (Creature creature : zoo) {
            System.out.println(creature + ": " + creature.sound() + (creature instanceof Flying f ? " " + f.fly() : ""));
        }
        System.out.println(Registry.count() + " " + Food.valueOf("MEAT").cost());
        Parrot parrot = (Parrot) zoo[0];
        System.out.println(parrot.name.toUpperCase());
        System.out.println(Food.valueOf("HAY").cost());
    }
}

interface Flying {
    String fly();
}

enum Food {
    MEAT(9), SEEDS(2);

    private final int cost;

    Food(int cost) {
        this.cost = cost;
    }

    int cost() {
        return cost * Registry.count();
    }
}

abstract class Creature {
    private final int id;

    Creature() {
        id = Registry.register(this);
    }

    String sound() {
        return "hello";
    }

    @Override
    public String toString() {
        return "creature " + id;
    }
}

class Lion extends Creature {
    @Override
    String sound() {
        return "roar, wants " + Food.MEAT;
    }
}

class Parrot extends Creature implements Flying {
    final String name;

    Parrot(String name) {
        this.name = name;
    }

    @Override
    String sound() {
        return super.sound() + " " + name;
    }

    @Override
    public String fly() {
        return "flap";
    }
}

final class Registry {
    private static int count;

    private Registry() {}

    static int register(Creature creature) {
        return creature == null ? -1 : ++count;
    }

    static int count() {
        return count;
    }
}
