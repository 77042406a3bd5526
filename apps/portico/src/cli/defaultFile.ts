/** The configuration that a command takes when none is named. */
export const defaultFile = "portico.yaml";
