import { Type, type Static } from "typebox";
import { type AdminError, errorCodes } from "./errors.ts";
import { named, oneOf, text } from "./fields.ts";

/** RFC 9457 problem details, with our stable code, the remedy, and the fields that do not fit. */
export const problemSchema = named("Problem", {
  type: text(255, "Where the catalogue explains the code."),
  title: text(255),
  status: Type.Integer({ minimum: 400, maximum: 599 }),
  code: oneOf(errorCodes, "Stable name of the problem."),
  detail: Type.Optional(text(2000, "What exactly is wrong in this request.")),
  remedy: text(500, "What to do about it."),
  instance: text(64, "The request, as the portal's log and audit call it."),
  errors: Type.Optional(
    Type.Array(
      named("FieldProblem", {
        in: oneOf(["body", "path", "query", "header"]),
        pointer: Type.String({ description: "JSON Pointer (RFC 6901) to the field." }),
        detail: Type.String(),
      }),
    ),
  ),
});
export type Problem = Static<typeof problemSchema>;

export const problemType = "application/problem+json";

/** Path under which the catalogue explains a code, relative to the server as RFC 9457 §3.1.1 allows. */
const problemPath = (code: string): string => `/admin/v1/problems/${code}`;

export function problemOf(error: AdminError, requestId: string): Problem {
  const { title, status, remedy } = error.entry;
  return {
    type: problemPath(error.code),
    title,
    status,
    code: error.code,
    ...(error.detail === undefined ? {} : { detail: error.detail }),
    remedy,
    instance: `urn:uuid:${requestId}`,
    ...(error.fields === undefined ? {} : { errors: [...error.fields] }),
  };
}
