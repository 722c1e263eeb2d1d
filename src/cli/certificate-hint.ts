// What to do where a gateway's certificate is not accepted. Node tells no more than what is wrong with it.

const untrusted: readonly unknown[] = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
];
const causesMax = 5;

/** The end of a sentence; empty where the error, and what caused it, is about something else. */
export function certificateHint(error: unknown): string {
  for (let cause = error, depth = 0; cause instanceof Error && depth < causesMax; depth += 1) {
    const { code } = cause as { code?: unknown };
    if (untrusted.includes(code))
      return '; for a certificate of your own set NODE_EXTRA_CA_CERTS=cert.pem, its file, in the environment';
    if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
      return '; name the gateway as its certificate does, with --url';
    cause = cause.cause;
  }
  return '';
}
