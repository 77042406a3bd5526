/**
 * The headers of every answer. Scripts, styles and connections come from this site alone; connections also go to the
 * portal, whose W2 the page speaks.
 */
export function securityHeaders(publicUrl: string, portalOrigins: readonly string[]): Record<string, string> {
  const own = publicUrl.replace(/^http/, "ws");
  const connect = ["'self'", own, ...portalOrigins].join(" ");
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "media-src 'self' blob:",
    `connect-src ${connect}`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    // Lit makes its templates through one named policy; nothing else may write markup.
    "require-trusted-types-for 'script'",
    "trusted-types lit-html",
  ].join("; ");
  return {
    "content-security-policy": policy,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "microphone=(self), camera=(), geolocation=(), payment=(), usb=()",
    // Not no-referrer: with it, browsers send `Origin: null` on the sign-in form (Fetch, "append a request Origin header").
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    ...(publicUrl.startsWith("https:") ? { "strict-transport-security": "max-age=31536000" } : {}),
  };
}
