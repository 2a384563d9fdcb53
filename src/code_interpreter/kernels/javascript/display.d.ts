// The types of the module `tslab` of user code.

declare module "tslab" {
  export interface Display {
    javascript(content: string): void;
    html(content: string): void;
    markdown(content: string): void;
    latex(content: string): void;
    svg(content: string): void;
    png(content: Uint8Array): void;
    jpeg(content: Uint8Array): void;
    gif(content: Uint8Array): void;
    pdf(content: Uint8Array): void;
    text(content: string): void;
    raw(type: string, content: string | Uint8Array): void;
  }
  /** Displays once per call. */
  export const display: Display;
  /** Return a display whose later calls replace what the first has shown. */
  export function newDisplay(): Display;
  export const versions: { node: string };
}
