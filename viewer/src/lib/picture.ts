/**
 * A piece of the page as one SVG that needs nothing else: rectangles for the boxes that have a colour or a border, text where
 * it stands, inline SVG with its styles written out. Unlike a foreignObject it opens in every program that reads SVG, and
 * a canvas may draw it. What a frame that scrolls or clips does not show, the picture does not show either.
 */

const NS = "http://www.w3.org/2000/svg";
const DRAWN = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "stroke-linecap", "stroke-linejoin",
  "opacity", "font-family", "font-size", "font-weight", "font-style", "text-anchor", "dominant-baseline", "display", "visibility",
]; // prettier-ignore
const CLEAR = /^(transparent|rgba\(.*, 0\))$/;

function make(name: string, attributes: Record<string, string | number>): SVGElement {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

/** A drawing as it looks, its classes and variables turned into attributes. */
function inlined(source: SVGElement): SVGElement {
  const copy = source.cloneNode(true) as SVGElement;
  const originals = [source, ...source.querySelectorAll<SVGElement>("*")];
  const copies = [copy, ...copy.querySelectorAll<SVGElement>("*")];
  for (const [index, original] of originals.entries()) {
    const style = getComputedStyle(original);
    const target = copies[index]!;
    target.removeAttribute("class");
    target.removeAttribute("style");
    target.removeAttribute("tabindex");
    for (const name of DRAWN) target.setAttribute(name, style.getPropertyValue(name));
  }
  return copy;
}

/** Part of the page, in its coordinates. */
interface Area {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

const common = (one: Area, other: Area): Area => ({
  left: Math.max(one.left, other.left), top: Math.max(one.top, other.top),
  right: Math.min(one.right, other.right), bottom: Math.min(one.bottom, other.bottom),
}); // prettier-ignore

/** Something of the one stands in the other; a line of no width may. */
const meet = (one: Area, other: Area): boolean =>
  one.left <= other.right && other.left <= one.right && one.top < other.bottom && other.top < one.bottom;

const clips = (style: CSSStyleDeclaration): boolean =>
  style.display !== "inline" && (style.overflowX !== "visible" || style.overflowY !== "visible" || /paint|content|strict/.test(style.contain));

/** Inside the border and the scrollbars. */
function inside(element: HTMLElement): Area {
  const rect = element.getBoundingClientRect();
  const [left, top] = [rect.left + element.clientLeft, rect.top + element.clientTop];
  return { left, top, right: left + element.clientWidth, bottom: top + element.clientHeight };
}

function box(element: Element, style: CSSStyleDeclaration, frame: DOMRect): SVGElement[] {
  const rect = element.getBoundingClientRect();
  const [x, y] = [rect.left - frame.left, rect.top - frame.top];
  const shapes: SVGElement[] = [];
  if (!CLEAR.test(style.backgroundColor))
    shapes.push(
      make("rect", { x, y, width: rect.width, height: rect.height, rx: parseFloat(style.borderTopLeftRadius) || 0,
        fill: style.backgroundColor }),
    ); // prettier-ignore
  const sides = [
    ["Top", x, y, x + rect.width, y],
    ["Right", x + rect.width, y, x + rect.width, y + rect.height],
    ["Bottom", x, y + rect.height, x + rect.width, y + rect.height],
    ["Left", x, y, x, y + rect.height],
  ] as const;
  for (const [side, x1, y1, x2, y2] of sides) {
    const width = parseFloat(style[`border${side}Width`]);
    const kind = style[`border${side}Style`];
    const colour = style[`border${side}Color`];
    if (!width || kind === "none" || CLEAR.test(colour)) continue;
    const line = make("line", { x1, y1, x2, y2, stroke: colour, "stroke-width": width });
    if (kind === "dashed" || kind === "dotted") line.setAttribute("stroke-dasharray", kind === "dashed" ? "4 3" : "1 2");
    shapes.push(line);
  }
  return shapes;
}

function words(node: Text, style: CSSStyleDeclaration, frame: DOMRect, shown: Area): SVGElement[] {
  const range = document.createRange();
  const shapes: SVGElement[] = [];
  const size = parseFloat(style.fontSize);
  // Word by word, since a line may break between any two.
  for (const match of node.data.matchAll(/\S+/g)) {
    range.setStart(node, match.index);
    range.setEnd(node, match.index + match[0].length);
    const rect = range.getBoundingClientRect();
    if (!rect.width || !meet(rect, shown)) continue;
    const text = make("text", {
      x: rect.left - frame.left,
      y: rect.top - frame.top + rect.height / 2 + 0.35 * size,
      "font-family": style.fontFamily,
      "font-size": size,
      "font-weight": style.fontWeight,
      "font-style": style.fontStyle,
      fill: style.color,
      "text-decoration": style.textDecorationLine,
    });
    text.textContent = match[0];
    shapes.push(text);
  }
  return shapes;
}

/** The picture of an element as it stands on the page. Elements with `data-no-picture` are left out. */
export function picture(root: Element): SVGSVGElement {
  const frame = root.getBoundingClientRect();
  const svg = make("svg", {
    xmlns: NS, width: frame.width, height: frame.height, viewBox: `0 0 ${frame.width} ${frame.height}`,
  }) as SVGSVGElement; // prettier-ignore
  svg.append(make("rect", { width: frame.width, height: frame.height, fill: getComputedStyle(document.body).backgroundColor }));
  let frames = 0;
  /** `over` holds what a z-index lifts above the rest of its frame, such as a column that stays while others scroll. */
  const walk = (node: Node, into: Element, shown: Area, over: (() => void)[]): void => {
    if (node instanceof Text) {
      into.append(...words(node, getComputedStyle(node.parentElement!), frame, shown));
    } else if (node instanceof SVGSVGElement) {
      const rect = node.getBoundingClientRect();
      if (!meet(rect, shown)) return;
      const copy = inlined(node);
      for (const [name, value] of Object.entries({
        x: rect.left - frame.left, y: rect.top - frame.top, width: rect.width, height: rect.height,
      })) copy.setAttribute(name, String(value)); // prettier-ignore
      into.append(copy);
    } else if (node instanceof HTMLElement) {
      const style = getComputedStyle(node);
      if (style.display === "none" || style.visibility === "hidden" || "noPicture" in node.dataset) return;
      if (node.classList.contains("unseen")) return;
      if (parseInt(style.zIndex) > 0) over.push(() => draw(node, style, into, shown, over));
      else draw(node, style, into, shown, over);
    }
  };
  const draw = (node: HTMLElement, style: CSSStyleDeclaration, into: Element, shown: Area, over: (() => void)[]): void => {
    if (meet(node.getBoundingClientRect(), shown)) into.append(...box(node, style, frame));
    else if (clips(style)) return;
    if (!clips(style)) {
      for (const child of node.childNodes) walk(child, into, shown, over);
      return;
    }
    const area = inside(node);
    const group = make("g", { "clip-path": `url(#frame-${++frames})` });
    const path = make("clipPath", { id: `frame-${frames}` });
    path.append(make("rect", { x: area.left - frame.left, y: area.top - frame.top, width: area.right - area.left, height: area.bottom - area.top }));
    const lifted: (() => void)[] = [];
    for (const child of node.childNodes) walk(child, group, common(area, shown), lifted);
    for (const one of lifted) one();
    if (group.hasChildNodes()) into.append(path, group);
  };
  const lifted: (() => void)[] = [];
  walk(root, svg, frame, lifted);
  for (const one of lifted) one();
  return svg;
}

export const svgBlob = (svg: SVGSVGElement): Blob =>
  new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" });

/** The same at twice the screen's size. */
export async function pngBlob(svg: SVGSVGElement): Promise<Blob> {
  const image = new Image();
  const url = URL.createObjectURL(svgBlob(svg));
  try {
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = 2 * Number(svg.getAttribute("width"));
    canvas.height = 2 * Number(svg.getAttribute("height"));
    canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((done, failed) =>
      canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error("the picture is too large for a PNG")))),
    );
  } finally {
    URL.revokeObjectURL(url);
  }
}
