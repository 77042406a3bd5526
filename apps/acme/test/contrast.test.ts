import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const css = readFileSync(new URL("../web/page.css", import.meta.url), "utf8");

/** WCAG 2.2 §1.4.3: relative luminance of an sRGB colour. */
function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = (hex.match(/[\da-f]{2}/gi) ?? []).map((pair) => {
    const part = Number.parseInt(pair, 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].toSorted((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

const tokens = new Map(
  [...css.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);/g)].map(([, name, light, dark]) => [
    name ?? "",
    { light: light ?? "", dark: dark ?? "" },
  ]),
);

test("every text has 4.5:1 against its ground, every edge of a control 3:1, in light and in dark", () => {
  const texts: [string, string[]][] = [
    ["text", ["canvas", "surface", "raised"]],
    ["soft", ["canvas", "surface", "raised"]],
    ["accent", ["surface", "accent-soft", "raised"]],
    ["on-accent", ["accent"]],
    ["on-go", ["go"]],
    ["on-stop", ["stop"]],
    ["stop", ["surface", "alert-soft"]],
    ["warn", ["warn-soft"]],
  ];
  for (const scheme of ["light", "dark"] as const) {
    const of = (name: string): string => tokens.get(name)?.[scheme] ?? "";
    for (const [text, grounds] of texts)
      for (const ground of grounds)
        expect(contrast(of(text), of(ground)), `${text} on ${ground}, ${scheme}`).toBeGreaterThanOrEqual(4.5);
    for (const mark of ["edge", "go", "stop", "accent"])
      expect(contrast(of(mark), of("surface")), `${mark}, ${scheme}`).toBeGreaterThanOrEqual(3);
  }
});
