#!/usr/bin/env node
// The command line of the portal, from a checkout, with any Node from 14 on.
"use strict";
const { join } = require("node:path");

process.argv.splice(2, 0, "--here", join(__dirname, "../apps/portico/src/main.ts"));
require("./run.cjs");
