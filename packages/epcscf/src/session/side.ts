/** The two sides of a session: W2 toward the browser, Mw toward the core. */
export type Side = "access" | "core";
