const transitions = { idle: { start: "running" }, running: { pause: "paused", stop: "idle" }, paused: { resume: "running" } } as const;
type State = keyof typeof transitions;
class Machine {
  constructor(public state: State = "idle") {}
  send(event: string): boolean {
    const next = (transitions[this.state] as Record<string, State | undefined>)[event];
    if (!next) { console.warn(`${event} is refused in ${this.state}`); return false; }
    this.state = next;
    return true;
  }
}
const machine = new Machine();
console.log(["start", "resume", "pause", "resume", "stop"].map((e) => `${e}:${machine.send(e)}:${machine.state}`));
