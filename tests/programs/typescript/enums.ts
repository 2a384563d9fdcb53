enum Level { Low = 1, Middle, High = Middle * 5 }
enum Color { Red = "RED", Green = "GREEN" }
const enum Flag { A = 1 << 0, B = 1 << 1 }
console.log(Level, Level[2], Level.High, Color.Red, Object.values(Color));
const flags: number = Flag.A | Flag.B;
console.log(flags, (flags & Flag.B) !== 0);
function name(level: Level): string {
  switch (level) {
    case Level.Low: return "low";
    case Level.Middle: return "middle";
    default: return "other";
  }
}
console.log([Level.Low, Level.Middle, Level.High].map(name));
