#!/usr/bin/env node
// What `npx portico` finds: npm takes a command from inside the workspace that names it.
"use strict";
require("../../../bin/portico.cjs");
