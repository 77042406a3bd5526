import { nearest } from "./nearest.ts";

/** Keys and indices from the root of a configuration. */
export type Path = readonly (string | number)[];

/** Something wrong at a place of a configuration, before the place is known by line. */
export interface Finding {
  readonly path: Path;
  /** The key is wrong, or the value. */
  readonly at: "key" | "value";
  readonly problem: string;
  readonly remedy: string;
}

/** The part of JSON Schema that configurations are described with. */
export interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema | readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly description?: string;
  readonly examples?: readonly unknown[];
}

/**
 * Everything in which a value differs from its schema, with what to write instead.
 * @param shown whether the value at a path may be shown in a message
 */
export function examine(schema: Schema, value: unknown, shown: (path: Path) => boolean): Finding[] {
  const findings: Finding[] = [];
  const say = (path: Path, problem: string, remedy: string, at: Finding["at"] = "value"): void =>
    void findings.push({ path, at, problem, remedy });

  const walk = (rule: Schema, here: unknown, path: Path): void => {
    if (rule.anyOf !== undefined) return variant(rule, rule.anyOf, here, path);
    if (rule.enum !== undefined || "const" in rule) {
      const allowed = rule.enum ?? [rule.const];
      if (!allowed.includes(here)) say(path, is(here, path, "not one of the choices"), choice(here, allowed));
      return;
    }
    if (!fits(rule.type, here)) return say(path, is(here, path, `no ${noun(rule.type)}`), instead(rule, path));
    if (rule.type === "object") return object(rule, here as Record<string, unknown>, path);
    if (rule.type === "array") return array(rule, here as unknown[], path);
    scalar(rule, here, path);
  };

  const object = (rule: Schema, here: Record<string, unknown>, path: Path): void => {
    const known = rule.properties ?? {};
    for (const name of rule.required ?? []) {
      // YAML reads `name:` with nothing after it as null.
      if (here[name] === undefined) say([...path, name], "is missing", `add it: ${sample(known[name] ?? {}, name)}`);
    }
    for (const [name, inner] of Object.entries(here)) {
      const of = known[name];
      if (of !== undefined) {
        if (inner !== undefined) walk(of, inner, [...path, name]);
      } else if (typeof rule.additionalProperties === "object") {
        walk(rule.additionalProperties, inner, [...path, name]);
      } else if (rule.additionalProperties === false) {
        const meant = nearest(name, Object.keys(known));
        const names = Object.keys(known).filter((one) => here[one] === undefined);
        say(
          [...path, name],
          "is no setting of the portal",
          meant === undefined
            ? `remove it${names.length === 0 ? "" : `, or use one of ${names.slice(0, 12).join(", ")}`}`
            : `did you mean ${meant}?`,
          "key",
        );
      }
    }
  };

  const array = (rule: Schema, here: readonly unknown[], path: Path): void => {
    const { items, minItems = 0, maxItems = Infinity } = rule;
    if (here.length < minItems || here.length > maxItems) {
      say(path, `has ${here.length} entries`, instead(rule, path));
    }
    if (items === undefined) return;
    for (const [n, item] of here.entries()) {
      const of = isTuple(items) ? items[n] : items;
      if (of !== undefined) walk(of, item, [...path, n]);
    }
  };

  const scalar = (rule: Schema, here: unknown, path: Path): void => {
    if (typeof here === "number" && (here < (rule.minimum ?? -Infinity) || here > (rule.maximum ?? Infinity))) {
      return say(path, is(here, path, "out of range"), instead(rule, path));
    }
    if (typeof here !== "string") return;
    if (here.length < (rule.minLength ?? 0)) return say(path, "is empty", instead(rule, path));
    const wrong = rule.pattern !== undefined && !new RegExp(rule.pattern, "u").test(here);
    if (wrong || here.length > (rule.maxLength ?? Infinity)) {
      say(path, is(here, path, "not of the right form"), instead(rule, path));
    }
  };

  /** A value of the kind of one variant is examined against that one. */
  const variant = (rule: Schema, variants: readonly Schema[], here: unknown, path: Path): void => {
    const fitting = variants.filter((one) => fits(one.type, here) && (one.type !== undefined || "const" in one));
    const [only, another] = fitting;
    if (only !== undefined && (another === undefined || only.type === "object")) return walk(only, here, path);
    if (fitting.some((one) => examine(one, here, shown).length === 0)) return;
    const constants = variants.flatMap((one) => ("const" in one ? [one.const] : []));
    if (constants.length === variants.length) walk({ enum: constants }, here, path);
    else say(path, is(here, path, "of the wrong kind"), instead(rule, path));
  };

  const is = (here: unknown, path: Path, what: string): string => {
    if (here === null) return "has no value";
    if (typeof here === "object" || !shown(path)) return `is ${what}`;
    return `is ${what}: ${JSON.stringify(here).slice(0, 60)}`;
  };

  walk(schema, value, []);
  return findings;
}

const isTuple = (items: Schema | readonly Schema[]): items is readonly Schema[] => Array.isArray(items);

function fits(type: string | undefined, value: unknown): boolean {
  if (type === undefined) return true;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return value !== null && typeof value === "object" && !Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  return typeof value === type;
}

const nouns: Readonly<Record<string, string>> = {
  array: "list",
  object: "group of settings",
  integer: "whole number",
  number: "number",
  boolean: "true or false",
  string: "text",
};
const noun = (type: string | undefined): string => nouns[type ?? ""] ?? "value";

function choice(here: unknown, allowed: readonly unknown[]): string {
  const words = allowed.map(String);
  const meant = typeof here === "string" ? nearest(here, words) : undefined;
  return meant === undefined ? `write ${words.join(" or ")}` : `did you mean ${meant}? (${words.join(" or ")})`;
}

/** What to write for a rule, as the rest of a sentence. */
function instead(rule: Schema, path: Path): string {
  const { type, minimum, maximum, items, minItems } = rule;
  const maxItems = items !== undefined && isTuple(items) ? items.length : rule.maxItems;
  const range =
    type === "integer" && minimum !== undefined
      ? ` ${maximum === undefined ? `not below ${minimum}` : `from ${minimum} to ${maximum}`}`
      : "";
  const size =
    type === "array" && (minItems !== undefined || maxItems !== undefined)
      ? ` of ${minItems ?? 0}${maxItems === minItems ? "" : maxItems === undefined ? " or more" : ` to ${maxItems}`} entries`
      : "";
  const about = rule.description === undefined ? "" : ` (${rule.description})`;
  const article = type === "boolean" || type === "string" ? "" : "a ";
  const name = path.findLast((part) => typeof part === "string") ?? "";
  return `write ${article}${noun(type)}${range}${size}${about}, for example ${sample(rule, name)}`;
}

/** `name: value` as an example of a rule. */
function sample(rule: Schema, name: string): string {
  return `${name}: ${exampleOf(rule)}`;
}

function exampleOf(rule: Schema): string {
  const [example] = rule.examples ?? [];
  if (example !== undefined) return flow(example);
  if (rule.anyOf?.[0] !== undefined) return exampleOf(rule.anyOf[0]);
  if (rule.enum !== undefined) return String(rule.enum[0]);
  if ("const" in rule) return String(rule.const);
  if (rule.type === "object") {
    const inner = (rule.required ?? []).map((key) => `${key}: ${exampleOf(rule.properties?.[key] ?? {})}`);
    return inner.length === 0 ? "{}" : `{ ${inner.join(", ")} }`;
  }
  if (rule.type === "array") {
    const { items } = rule;
    const parts = items === undefined ? [] : isTuple(items) ? items.map(exampleOf) : [exampleOf(items)];
    return `[${parts.join(", ")}]`;
  }
  if (rule.type === "integer" || rule.type === "number") return String(rule.minimum ?? 1);
  return rule.type === "boolean" ? "true" : "…";
}

/** A value in YAML's flow style. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (value !== null && typeof value === "object") {
    return `{ ${Object.entries(value)
      .map(([key, inner]) => `${key}: ${flow(inner)}`)
      .join(", ")} }`;
  }
  return typeof value === "string" && /^[\w.:/@;=-]+$/.test(value) && !/^[\d.]+$/.test(value)
    ? value
    : JSON.stringify(value);
}
