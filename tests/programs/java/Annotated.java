import java.lang.annotation.*;
import java.lang.reflect.*;
import java.util.*;

public class Annotated {
    @Retention(RetentionPolicy.RUNTIME)
    @Target(ElementType.METHOD)
    @interface Check {
        String value() default "unnamed";
        int order() default 0;
    }

    static class Checks {
        @Check(value = "adds", order = 1)
        public void addition() {
            if (1 + 1 != 2) throw new AssertionError("sum");
        }

        @Check(order = 2)
        public void failing() {
            throw new AssertionError("expected <5> but was <6>");
        }

        public void helper() {}
    }

    @SuppressWarnings("unchecked")
    public static void main(String[] args) throws Exception {
        List<Method> methods = new ArrayList<>();
        for (Method method : Checks.class.getDeclaredMethods()) if (method.isAnnotationPresent(Check.class)) methods.add(method);
        methods.sort(Comparator.comparingInt(m -> m.getAnnotation(Check.class).order()));
        int failed = 0;
        for (Method method : methods) {
            String name = method.getAnnotation(Check.class).value();
            try {
                method.invoke(new Checks());
                System.out.println("ok   " + name);
            } catch (InvocationTargetException e) {
                failed++;
                System.out.println("FAIL " + name + ": " + e.getCause().getMessage());
            }
        }
        System.out.println(Modifier.toString(Checks.class.getDeclaredMethod("helper").getModifiers()) + " " + Checks.class.getSimpleName());
        if (failed > 0) throw new IllegalStateException(failed + " failed");
    }
}
