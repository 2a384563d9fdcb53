import java.util.Comparator;
import java.util.List;
import java.util.Locale;

public class Shapes {
    sealed interface Shape permits Circle, Rectangle, Triangle {
        double area();
    }

    record Circle(double radius) implements Shape {
        Circle {
            if (radius < 0) throw new IllegalArgumentException("negative radius");
        }

        public double area() {
            return Math.PI * radius * radius;
        }
    }

    record Rectangle(double width, double height) implements Shape {
        static Rectangle square(double side) {
            return new Rectangle(side, side);
        }

        public double area() {
            return width * height;
        }
    }

    record Triangle(double a, double b, double c) implements Shape {
        public double area() {
            double s = (a + b + c) / 2;
            return Math.sqrt(s * (s - a) * (s - b) * (s - c));
        }
    }

    static String describe(Shape shape) {
        if (shape instanceof Circle c) return "circle of radius " + c.radius();
        if (shape instanceof Rectangle r && r.width() == r.height()) return "square of " + r.width();
        return shape.toString();
    }

    public static void main(String[] args) {
        List<Shape> shapes = List.of(new Circle(1.5), Rectangle.square(2), new Triangle(3, 4, 5), new Rectangle(1, 7));
        shapes.stream()
                .sorted(Comparator.comparingDouble(Shape::area))
                .forEach(s -> System.out.println(describe(s) + String.format(Locale.ROOT, ": %.3f", s.area())));
        System.out.println(new Circle(1).equals(new Circle(1)) + " " + new Circle(1).hashCode());
        try {
            new Circle(-1);
        } catch (IllegalArgumentException e) {
            System.out.println("caught " + e.getMessage());
        }
    }
}
