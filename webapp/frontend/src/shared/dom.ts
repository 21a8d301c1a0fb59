// Elements without a framework: h() for HTML, s() for SVG. Text is always set as text.

export type Child = Node | string | number | null | undefined | false;
type Listener = (event: Event) => void;
export type Props = Record<string, string | number | boolean | null | undefined | Listener>;

const SVG = "http://www.w3.org/2000/svg";

function fill<E extends Element>(element: E, props: Props, children: Child[]): E {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), props, children);
}

export function s<K extends keyof SVGElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS(SVG, tag), props, children);
}

export function button(
  label: string,
  onclick: () => void,
  kind: "" | "quiet" | "plain" | "danger" = "",
  props: Props = {},
): HTMLButtonElement {
  return h("button", { type: "button", class: `button ${kind}`.trim(), onclick, ...props }, label);
}

export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as E;
}

/** Where this site keeps its static files, as the template said. */
export function staticUrl(root: HTMLElement, name: string): string {
  return (root.dataset.static ?? "/static/") + name;
}

export function face(root: HTMLElement, expression: string, alt = ""): HTMLImageElement {
  return h("img", { src: staticUrl(root, `faces/${expression}.svg`), alt });
}
