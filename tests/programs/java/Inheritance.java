public class Inheritance {
    static StringBuilder trace = new StringBuilder();

    static int mark(String s) {
        trace.append(s).append(' ');
        return s.length();
    }

    static class Base {
        static { mark("static-Base"); }
        int x = mark("field-Base");
        { mark("block-Base"); }

        Base() {
            mark("constructor-Base");
            hook();
        }

        void hook() { mark("hook-Base"); }
        static String who() { return "Base"; }
    }

    static class Derived extends Base {
        static final int CONSTANT = mark("static-Derived");
        int y = mark("field-Derived");

        Derived() {
            super();
            mark("constructor-Derived");
        }

        @Override void hook() { mark("hook-Derived:" + y); }
        static String who() { return "Derived"; }
    }

    class Inner {
        int id = outer * 2;
    }

    int outer = 21;

    static String over(Object o) { return "object"; }
    static String over(String s) { return "string"; }
    static String over(int i) { return "int"; }
    static String over(long... l) { return "longs" + l.length; }

    public static void main(String[] args) {
        Base base = new Derived();
        System.out.println(trace.toString().trim().replace(' ', '\n'));
        System.out.println(Base.who() + Derived.who() + (base instanceof Derived));
        System.out.println(new Inheritance().new Inner().id);
        System.out.println(over('c') + over((String) null) + over(1L, 2L) + over(2.0) + over((Object) "s"));
        Object anonymous = new Object() {
            @Override public String toString() { return "anonymous " + new Inheritance().outer; }
        };
        System.out.println(anonymous);
    }
}
