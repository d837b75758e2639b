// Starts Redoc on our own description of the API. What needs another host, or a policy wider than our own, is switched off.
"use strict";

// Redoc draws its own margins. Styles set by a script are not inline styles to a policy.
document.body.style.margin = "0";

Redoc.init(
  "/openapi.json",
  {
    // The search runs in a worker made from a blob, which `default-src 'self'` does not let run.
    disableSearch: true,
    // Redoc's theme names fonts that it expects the page to load from Google. The system's own need no request.
    theme: {
      typography: {
        fontFamily: "system-ui, sans-serif",
        headings: { fontFamily: "system-ui, sans-serif" },
        code: { fontFamily: "ui-monospace, monospace" },
      },
    },
  },
  document.getElementById("redoc"),
);
