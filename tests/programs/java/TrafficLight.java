import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;

public class TrafficLight {
    enum State {
        RED(3) {
            @Override
            State next() {
                return GREEN;
            }
        },
        GREEN(2) {
            @Override
            State next() {
                return YELLOW;
            }
        },
        YELLOW(1) {
            @Override
            State next() {
                return RED;
            }
        };

        final int seconds;

        State(int seconds) {
            this.seconds = seconds;
        }

        abstract State next();
    }

    public static void main(String[] args) {
        Map<State, Integer> visits = new EnumMap<>(State.class);
        State state = State.RED;
        for (int time = 0; time < 15; time += state.seconds, state = state.next()) {
            visits.merge(state, 1, Integer::sum);
            String sign = switch (state) {
                case RED -> "stop";
                case GREEN -> "go";
                case YELLOW -> {
                    int left = state.seconds;
                    yield "wait " + left;
                }
            };
            System.out.println(time + " " + state + " " + sign + " " + state.ordinal());
        }
        System.out.println(visits + " " + EnumSet.complementOf(EnumSet.of(State.RED)));
        System.out.println(State.valueOf("BLUE"));
    }
}
