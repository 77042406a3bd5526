/**
 * What a person typed, as the portal's dial plan takes it: spaces and punctuation gone, `00` as `+`.
 * Undefined when it is not a number. The portal, not the page, decides what national and short forms mean.
 */
export function normaliseNumber(text: string): string | undefined {
  const bare = text.replaceAll(/[\s().\-/\u2010-\u2015]/g, "").replace(/^00(?=[1-9])/, "+");
  return /^(\+[1-9]\d{1,14}|[\d*#]{1,32})$/.test(bare) ? bare : undefined;
}

/** A number for the eye: North American ones in their groups, others as they are. */
export function formatNumber(number: string): string {
  return number.replace(/^\+1(\d{3})(\d{3})(\d{4})$/, "+1 $1 $2 $3");
}
