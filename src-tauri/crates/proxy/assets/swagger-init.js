// Starts Swagger UI on our own description of the API. What could send something to another host is switched off.
"use strict";

window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  // The badge would send the description to validator.swagger.io.
  validatorUrl: null,
  // A `?url=` in a link could otherwise show someone else's description under our address.
  queryConfigEnabled: false,
  // The key typed under "Authorize" stays in this page and is gone with it.
  persistAuthorization: false,
  presets: [SwaggerUIBundle.presets.apis],
});
