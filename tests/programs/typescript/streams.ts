import { Readable, Transform, type TransformCallback } from "stream";
import { pipeline } from "stream/promises";
class Upper extends Transform {
  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void { done(null, chunk.toString().toUpperCase()); }
}
const out: string[] = [];
pipeline(Readable.from(["a", "b"]), new Upper(), async (source: AsyncIterable<Buffer>) => { for await (const c of source) out.push(String(c)); })
  .then(() => console.log(out));
