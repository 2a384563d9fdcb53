public class TryWithResources {
    static class Resource implements AutoCloseable {
        private final String name;
        private final boolean bad;

        Resource(String name, boolean bad) {
            this.name = name;
            this.bad = bad;
            System.out.println("open " + name);
        }

        @Override
        public void close() {
            System.out.println("close " + name);
            if (bad) throw new IllegalStateException("cannot close " + name);
        }
    }

    static int order() {
        int n = 1;
        try {
            n = 2;
            return n;
        } finally {
            n = 3;
            System.out.println("finally with " + n);
        }
    }

    public static void main(String[] args) {
        try (Resource a = new Resource("a", false); Resource b = new Resource("b", true)) {
            throw new UnsupportedOperationException("body");
        } catch (UnsupportedOperationException | ClassCastException e) {
            System.out.println(e.getMessage() + ", suppressed " + e.getSuppressed()[0].getMessage());
        }
        System.out.println(order());
        try (Resource c = new Resource("c", true)) {
            System.out.println("all well so far");
        }
    }
}
