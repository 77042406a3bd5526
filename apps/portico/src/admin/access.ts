/** Who may use the Admin API: the operator's staff, a tenant's own administrator, and who may only look. */
export const roles = ["operator", "tenant-admin", "auditor"] as const;
export type Role = (typeof roles)[number];

/**
 * What a role may reach by an endpoint.
 * `all`: every tenant. `own`: its own tenant; another one looks as if it did not exist. `none`: refused.
 */
export type Reach = "all" | "own" | "none";

const row = (operator: Reach, tenantAdmin: Reach, auditor: Reach): Readonly<Record<Role, Reach>> => ({
  operator,
  "tenant-admin": tenantAdmin,
  auditor,
});

const everybody = row("all", "own", "all");
const operators = row("all", "none", "none");
/** Changes of a tenant that its own administrator may make. */
const owners = row("all", "own", "none");
/** Reading that is not the business of a tenant. */
const overseers = row("all", "none", "all");

/** The table endpoint x role. The guard, the document and the tests of every endpoint come from it. */
export const access = {
  getNode: overseers,
  listNodes: overseers,
  whoAmI: everybody,
  streamEvents: everybody,

  listTenants: everybody,
  createTenant: operators,
  getTenant: everybody,
  replaceTenant: operators,
  removeTenant: operators,
  suspendTenant: operators,
  resumeTenant: operators,

  listClients: everybody,
  createClient: owners,
  getClient: everybody,
  replaceClient: owners,
  removeClient: owners,
  listClientKeys: everybody,
  addClientKey: owners,
  removeClientKey: owners,

  getBlockUsage: everybody,
  listEntries: everybody,
  getEntryHistory: everybody,
  importEntries: operators,
  withdrawEntries: operators,
  exportEntries: overseers,

  listAssignments: everybody,
  assignIdentity: owners,
  getAssignment: everybody,
  endAssignment: owners,

  listLeases: everybody,
  getLease: everybody,
  endLease: owners,

  traceToken: everybody,
  introspectToken: everybody,
  revokeToken: owners,

  listRegistrations: everybody,
  endRegistration: owners,
  listSessions: everybody,
  releaseSession: owners,

  listTraces: operators,
  startTrace: operators,
  getTrace: operators,
  endTrace: operators,

  listUsage: overseers,
  getUsage: everybody,
  listCalls: everybody,
  listMessages: everybody,
  listRegistrationRecords: everybody,
  listSubscriptionRecords: everybody,

  exportPersonalData: owners,
  erasePersonalData: owners,

  searchAudit: everybody,
  exportAudit: everybody,
  verifyAudit: everybody,
  listCheckpoints: everybody,

  listSigningKeys: overseers,
  rotateSigningKey: operators,

  listApiKeys: row("all", "own", "none"),
  createApiKey: owners,
  getApiKey: row("all", "own", "none"),
  revokeApiKey: owners,
} as const satisfies Record<string, Readonly<Record<Role, Reach>>>;

/** Name of an operation, as in the OpenAPI document. */
export type OperationId = keyof typeof access;

/** How far `role` reaches by the operation. */
export function reachOf(operation: OperationId, role: Role): Reach {
  return access[operation][role];
}
