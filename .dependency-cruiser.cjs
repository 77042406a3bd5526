// The floors of ARCHITECTURE.md: a room imports only rooms below it.
const floors = [
  ["packages/(sip|sdp)"],
  ["packages/(transport|agw|store)"],
  ["packages/(epcscf|waf|wic|wwsf)"],
  ["packages/lab"],
  ["apps/[^/]+"],
  ["tests"],
];
const at = (list) => `^(${list.flat().join("|")})/`;
const upward = floors.slice(0, -1).map((floor, n) => ({
  name: `floor-${n}-looks-down`,
  comment: `A room of floor ${n} imports a room above it.`,
  severity: "error",
  from: { path: at(floor) },
  to: { path: at(floors.slice(n + 1)) },
}));
const sideways = floors.map((floor, n) => ({
  name: `floor-${n}-no-neighbours`,
  comment: "A room imports another room of its own floor.",
  severity: "error",
  from: { path: `^((?:${floor.join("|")}))/` },
  to: { path: at([floor]), pathNot: "^$1/" },
}));

module.exports = {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    { name: "not-resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
    ...upward,
    ...sideways,
    {
      name: "browser-rooms-without-node",
      comment: "sip, sdp, wic and Acme's page run unchanged in browsers.",
      severity: "error",
      from: { path: "^(packages/(sip|sdp|wic)/src|apps/acme/web)" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "acme-knows-no-operator-room",
      comment:
        "Acme is another company: it has the browser SDK, the kit for its server, the portal's URL and its own key, no more.",
      severity: "error",
      from: { path: "^apps/acme/" },
      to: { path: "^packages/(waf|store|epcscf|agw|lab|transport)/" },
    },
    {
      name: "no-dist",
      comment: "Everything runs from source.",
      severity: "error",
      from: { path: "^(packages|apps|tests)/" },
      to: { path: "^(packages|apps)/[^/]+/dist/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "/(dist|.cache)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.base.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["source", "import", "node", "default", "types"],
    },
  },
};
