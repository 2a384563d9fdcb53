public class Game {
    private final boolean[][] cells;

    Game(String... rows) {
        cells = new boolean[rows.length][rows[0].length()];
        for (int r = 0; r < rows.length; r++)
            for (int c = 0; c < rows[r].length(); c++) cells[r][c] = rows[r].charAt(c) == '#';
    }

    private int neighbours(int row, int column) {
        int count = 0, height = cells.length, width = cells[0].length;
        for (int dr = -1; dr <= 1; dr++)
            for (int dc = -1; dc <= 1; dc++)
                if ((dr != 0 || dc != 0) && cells[Math.floorMod(row + dr, height)][Math.floorMod(column + dc, width)]) count++;
        return count;
    }

    Game next() {
        String[] rows = new String[cells.length];
        for (int r = 0; r < rows.length; r++) {
            rows[r] = "";
            for (int c = 0; c < cells[0].length; c++) {
                int n = neighbours(r, c);
                rows[r] += n == 3 || n == 2 && cells[r][c] ? '#' : '.';
            }
        }
        return new Game(rows);
    }

    @Override
    public String toString() {
        String text = "";
        for (boolean[] row : cells) {
            for (boolean cell : row) text += cell ? "█" : "·";
            text += "\n";
        }
        return text;
    }

    public static void main(String[] args) {
        Game game = new Game(".#....", "..#...", "###...", "......", "......");
        for (int generation = 0; generation < 4; generation++, game = game.next()) {
            System.out.println("generation " + generation + "\n" + game);
        }
    }
}
