type Handlers = { open: (who: string) => void; count: (n: number) => void };
class Emitter<H extends Record<string, (...a: any[]) => void>> {
  private handlers: { [K in keyof H]?: H[K][] } = {};
  on<K extends keyof H>(name: K, handler: H[K]): () => void {
    (this.handlers[name] ??= []).push(handler);
    return () => { this.handlers[name] = this.handlers[name]!.filter((h) => h !== handler); };
  }
  emit<K extends keyof H>(name: K, ...a: Parameters<H[K]>): void { this.handlers[name]?.forEach((h) => h(...a)); }
}
const emitter = new Emitter<Handlers>();
const off = emitter.on("open", (who) => console.log("open", who.toUpperCase()));
emitter.on("count", (n) => console.log(n.toFixed(1)));
emitter.emit("open", "me");
off();
emitter.emit("open", "you");
emitter.emit("count", 2);
