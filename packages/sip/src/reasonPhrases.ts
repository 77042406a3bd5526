const phrases = new Map(
  `100 Trying
180 Ringing
183 Session Progress
200 OK
202 Accepted
300 Multiple Choices
380 Alternative Service
400 Bad Request
401 Unauthorized
403 Forbidden
404 Not Found
405 Method Not Allowed
407 Proxy Authentication Required
408 Request Timeout
415 Unsupported Media Type
416 Unsupported URI Scheme
420 Bad Extension
422 Session Interval Too Small
423 Interval Too Brief
430 Flow Failed
480 Temporarily Unavailable
481 Call/Transaction Does Not Exist
482 Loop Detected
483 Too Many Hops
484 Address Incomplete
486 Busy Here
487 Request Terminated
488 Not Acceptable Here
489 Bad Event
491 Request Pending
500 Server Internal Error
501 Not Implemented
502 Bad Gateway
503 Service Unavailable
504 Server Time-out
505 Version Not Supported
513 Message Too Large
600 Busy Everywhere
603 Decline
604 Does Not Exist Anywhere`
    .split("\n")
    .map((line) => [Number(line.slice(0, 3)), line.slice(4)]),
);

/**
 * The reason phrase of a status as its RFC writes it, for those that user agents and IMS elements send; else that of the status
 * it counts as (RFC 3261 §8.1.3.2), since a phrase is for people and a page pays for each.
 *
 * @example
 * reasonPhrase(486); // "Busy Here"
 */
export function reasonPhrase(status: number): string {
  return phrases.get(status) ?? phrases.get(status < 200 ? 183 : status - (status % 100)) ?? "";
}
