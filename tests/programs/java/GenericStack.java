import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.Consumer;

public class GenericStack<T extends Comparable<T>> implements Iterable<T> {
    private static class Node<T> {
        final T value;
        final Node<T> below;

        Node(T value, Node<T> below) {
            this.value = value;
            this.below = below;
        }
    }

    private Node<T> top;
    private int size;

    public GenericStack<T> push(T value) {
        top = new Node<>(value, top);
        size++;
        return this;
    }

    public T pop() {
        if (top == null) throw new NoSuchElementException("the stack is empty");
        T value = top.value;
        top = top.below;
        size--;
        return value;
    }

    public T max() {
        T best = null;
        for (T each : this) if (best == null || each.compareTo(best) > 0) best = each;
        return best;
    }

    @Override
    public Iterator<T> iterator() {
        return new Iterator<>() {
            private Node<T> at = top;

            public boolean hasNext() {
                return at != null;
            }

            public T next() {
                T value = at.value;
                at = at.below;
                return value;
            }
        };
    }

    static <A> void each(Iterable<? extends A> all, Consumer<? super A> action) {
        for (A a : all) action.accept(a);
    }

    public static void main(String[] args) {
        GenericStack<String> stack = new GenericStack<String>().push("pear").push("apple").push("zebra");
        each(stack, s -> System.out.print(s + " "));
        System.out.println("max " + stack.max() + " size " + stack.size);
        while (true) System.out.println(stack.pop());
    }
}
