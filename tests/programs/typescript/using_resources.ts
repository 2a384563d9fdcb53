class Resource implements AsyncDisposable, Disposable {
  constructor(private readonly name: string) { console.log("open", name); }
  [Symbol.dispose](): void { console.log("close", this.name); }
  async [Symbol.asyncDispose](): Promise<void> { console.log("close later", this.name); }
}
function work(): number {
  const first = new Resource("first");
  try { return 1; } finally { first[Symbol.dispose](); }
}
console.log(work());
