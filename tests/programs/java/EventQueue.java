import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

public class EventQueue {
    interface Listener {
        void on(Event event, EventQueue queue);
    }

    record Event(long time, int priority, String name) implements Comparable<Event> {
        private static final Comparator<Event> ORDER =
                Comparator.comparingLong(Event::time).thenComparing(Event::priority, Comparator.reverseOrder());

        @Override
        public int compareTo(Event other) {
            return ORDER.compare(this, other);
        }
    }

    abstract static class Machine implements Listener {
        protected final String id;
        private static int made = 0;

        protected Machine(String id) {
            this.id = id + "#" + ++made;
        }

        protected abstract boolean wants(Event event);

        @Override
        public final void on(Event event, EventQueue queue) {
            if (wants(event)) act(event, queue);
        }

        protected void act(Event event, EventQueue queue) {
            System.out.println(event.time() + " " + id + " got " + event.name());
        }
    }

    static class Echo extends Machine {
        Echo() {
            super("echo");
        }

        protected boolean wants(Event event) {
            return !event.name().startsWith("echo of echo");
        }

        @Override
        protected void act(Event event, EventQueue queue) {
            super.act(event, queue);
            queue.add(new Event(event.time() + 5, 0, "echo of " + event.name()));
        }
    }

    private final PriorityQueue<Event> events = new PriorityQueue<>();
    private final List<Listener> listeners = new ArrayList<>();

    void add(Event event) {
        events.add(event);
    }

    void run() {
        for (Event event; (event = events.poll()) != null; ) {
            for (Listener listener : listeners) listener.on(event, this);
        }
    }

    public static void main(String[] args) {
        EventQueue queue = new EventQueue();
        queue.listeners.add(new Echo());
        queue.listeners.add((event, q) -> System.out.println(event));
        queue.listeners.add(new Machine("logger") {
            protected boolean wants(Event event) {
                return event.priority() > 1;
            }
        });
        queue.add(new Event(3, 1, "door"));
        queue.add(new Event(1, 1, "bell"));
        queue.add(new Event(3, 9, "fire"));
        queue.run();
    }
}
