new Object() {
    // The JVM offers no way to change its own environment, only this one around its checks.
    @SuppressWarnings("unchecked")
    java.util.Map<String, String> environment() throws Exception {
        Class<?> kind = Class.forName("sun.misc.Unsafe");
        java.lang.reflect.Field only = kind.getDeclaredField("theUnsafe");
        only.setAccessible(true);
        Object unsafe = only.get(null);
        java.util.Map<String, String> view = System.getenv();
        Object offset = kind.getMethod("objectFieldOffset", java.lang.reflect.Field.class)
            .invoke(unsafe, view.getClass().getDeclaredField("m"));
        return (java.util.Map<String, String>) kind.getMethod("getObject", Object.class, long.class)
            .invoke(unsafe, view, offset);
    }

    // Programs get the environment of the C library, which nothing changes before Java 22. What does
    // so there is called by its names, for this to be a program of older ones, too.
    void tellPrograms(String name, String value) throws Exception {
        if (Runtime.version().feature() < 22) {
            return;
        }
        String place = "java.lang.foreign.";
        Class<?> linkers = Class.forName(place + "Linker");
        Class<?> segments = Class.forName(place + "MemorySegment");
        Class<?> layouts = Class.forName(place + "MemoryLayout");
        Class<?> descriptors = Class.forName(place + "FunctionDescriptor");
        Class<?> arenas = Class.forName(place + "Arena");
        Object integer = Class.forName(place + "ValueLayout").getField("JAVA_INT").get(null);
        Object address = Class.forName(place + "ValueLayout").getField("ADDRESS").get(null);
        Object arguments = java.lang.reflect.Array.newInstance(layouts, value == null ? 1 : 3);
        java.lang.reflect.Array.set(arguments, 0, address);
        if (value != null) {
            java.lang.reflect.Array.set(arguments, 1, address);
            java.lang.reflect.Array.set(arguments, 2, integer);
        }
        Object descriptor = descriptors.getMethod("of", layouts, arguments.getClass())
            .invoke(null, integer, arguments);
        Object linker = linkers.getMethod("nativeLinker").invoke(null);
        Object found = linkers.getMethod("defaultLookup").invoke(linker);
        Object function = Class.forName(place + "SymbolLookup").getMethod("find", String.class)
            .invoke(found, value == null ? "unsetenv" : "setenv");
        Class<?> options = Class.forName(place + "Linker$Option");
        Object none = java.lang.reflect.Array.newInstance(options, 0);
        java.lang.invoke.MethodHandle call = (java.lang.invoke.MethodHandle) linkers
            .getMethod("downcallHandle", segments, descriptors, none.getClass())
            .invoke(linker, ((java.util.Optional<?>) function).get(), descriptor, none);
        AutoCloseable arena = (AutoCloseable) arenas.getMethod("ofConfined").invoke(null);
        java.lang.reflect.Method text = arenas.getMethod("allocateFrom", String.class);
        try (arena) {
            if (value == null) {
                call.invokeWithArguments(text.invoke(arena, name));
            } else {
                call.invokeWithArguments(text.invoke(arena, name), text.invoke(arena, value), 1);
            }
        } catch (Throwable error) {
            throw new IllegalStateException(error);
        }
    }

    void set(String name, String value) throws Exception {
        if (value == null) {
            environment().remove(name);
        } else {
            environment().put(name, value);
        }
        tellPrograms(name, value);
    }

    String decoded(String text) {
        byte[] bytes = java.util.Base64.getDecoder().decode(text);
        return new String(bytes, java.nio.charset.StandardCharsets.UTF_8);
    }

    // For good, or until `leave`. The file goes at once.
    void enter(String path, boolean lasting) throws Exception {
        java.nio.file.Path file = java.nio.file.Path.of(path);
        java.util.List<String> lines = java.nio.file.Files.readAllLines(file);
        java.nio.file.Files.delete(file);
        java.util.Map<String, String> environment = environment();
        java.util.Map<String, String> before = new java.util.HashMap<>();
        for (String line : lines) {
            String[] parts = line.split(":", -1);
            String name = decoded(parts[0]);
            before.put(name, environment.get(name));
            set(name, decoded(parts[1]));
        }
        if (!lasting) {
            System.getProperties().put("code_interpreter.environment", before);
        }
    }

    @SuppressWarnings("unchecked")
    void leave() throws Exception {
        Object before = System.getProperties().remove("code_interpreter.environment");
        if (before == null) {
            return;
        }
        for (var each : ((java.util.Map<String, String>) before).entrySet()) {
            set(each.getKey(), each.getValue());
        }
    }
}
