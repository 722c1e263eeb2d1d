// The one table of failures: what each code means and what it is on every surface. ARCHITECTURE.md's table is
// checked against this one. Imports nothing, so that every area may use it.

interface CodeFacts {
  /** HTTP status of the answer. */
  readonly http: number;
  /** WebSocket close code, where the failure ends a connection. */
  readonly close: number;
  /** Exit code of a command that ends by it: 1 fault, 2 usage or configuration, 3 forced, 69 not ready, 70 died. */
  readonly exit: number;
  /** `error.type` on the wire, in OpenAI's words. */
  readonly type:
    | 'invalid_request_error'
    | 'server_error'
    | 'not_found_error'
    | 'unavailable_error'
    | 'auth_error';
  readonly meaning: string;
}

const facts = (
  http: number,
  close: number,
  exit: number,
  type: CodeFacts['type'],
  meaning: string,
): CodeFacts => ({
  http,
  close,
  exit,
  type,
  meaning,
});

export const codes = {
  bad_usage: facts(400, 1008, 2, 'invalid_request_error', 'an option or argument cannot be used'),
  config_not_found: facts(
    422,
    1011,
    2,
    'invalid_request_error',
    'the configuration file does not exist or cannot be read',
  ),
  config_invalid: facts(422, 1011, 2, 'invalid_request_error', 'the configuration does not fit the schema'),
  secret_missing: facts(
    422,
    1011,
    2,
    'invalid_request_error',
    'an `env:` names a variable that is unset or empty',
  ),
  tls_unusable: facts(500, 1011, 2, 'server_error', 'the certificate or key of the door cannot be used'),
  data_directory_locked: facts(503, 1011, 2, 'unavailable_error', 'another gateway owns the data directory'),
  data_directory_unusable: facts(
    500,
    1011,
    2,
    'server_error',
    'the data directory cannot be made or written',
  ),
  store_unusable: facts(500, 1011, 2, 'server_error', 'the database of the data directory cannot be used'),
  store_busy: facts(
    503,
    1013,
    1,
    'unavailable_error',
    'the disk of the database is full, or another program holds it',
  ),
  listen_failed: facts(500, 1011, 1, 'server_error', 'the door could not listen on its address'),

  not_found: facts(404, 1008, 1, 'not_found_error', 'no such path or thing'),
  method_not_allowed: facts(405, 1008, 1, 'invalid_request_error', 'the path does not take this method'),
  invalid_request: facts(400, 1008, 1, 'invalid_request_error', 'the request cannot be understood'),
  request_timeout: facts(408, 1008, 1, 'invalid_request_error', 'the request did not come in its time'),
  headers_too_large: facts(431, 1009, 1, 'invalid_request_error', 'the headers are over their limit'),
  expectation_failed: facts(417, 1008, 1, 'invalid_request_error', 'the request expects what cannot be met'),
  body_too_large: facts(413, 1009, 1, 'invalid_request_error', 'the body is over its limit'),
  upgrade_required: facts(426, 1008, 1, 'invalid_request_error', 'the path speaks WebSocket only'),
  origin_not_allowed: facts(403, 1008, 1, 'auth_error', 'the Origin or Host of the request is not allowed'),
  permission_denied: facts(403, 1008, 1, 'auth_error', 'the operating system does not allow it to this user'),
  unauthorized: facts(401, 1008, 1, 'auth_error', 'a token is missing or wrong'),
  too_many_client_secrets: facts(
    429,
    1008,
    1,
    'invalid_request_error',
    'as many client secrets as allowed are valid',
  ),
  context_length_exceeded: facts(
    400,
    1008,
    1,
    'invalid_request_error',
    'the prompt is longer than the context of the model',
  ),
  model_not_found: facts(404, 1008, 1, 'not_found_error', 'no pipeline, alias or engine has this name'),
  connections_full: facts(503, 1013, 1, 'unavailable_error', 'as many connections as allowed are open'),
  sessions_full: facts(503, 1013, 1, 'unavailable_error', 'as many sessions as allowed are open'),
  server_busy: facts(503, 1013, 1, 'unavailable_error', 'too many bytes of requests wait already'),
  server_starting: facts(503, 1013, 69, 'unavailable_error', 'the gateway is still starting'),
  server_shutdown: facts(503, 1001, 1, 'unavailable_error', 'the gateway is leaving'),
  session_expired: facts(
    410,
    1001,
    1,
    'invalid_request_error',
    'the session lasted as long as a session may',
  ),
  pipeline_restarted: facts(
    410,
    1012,
    1,
    'unavailable_error',
    'the pipeline was restarted, and the session has had its time to end',
  ),
  restart_under_way: facts(
    409,
    1008,
    1,
    'invalid_request_error',
    'the pipeline is being restarted, or the configuration reloaded, already',
  ),
  too_many_generations: facts(
    409,
    1008,
    1,
    'invalid_request_error',
    'as many generations of the pipeline as allowed have sessions in them',
  ),
  slow_client: facts(408, 4408, 1, 'unavailable_error', 'the client did not read what it asked for'),
  conversation_expired: facts(
    410,
    1008,
    1,
    'invalid_request_error',
    'there is no such conversation to come back to, or no more',
  ),
  replaced: facts(409, 4409, 1, 'invalid_request_error', 'another connection has taken the session over'),
  client_lost: facts(408, 1011, 1, 'unavailable_error', 'the client answered no ping'),
  protocol_error: facts(400, 1002, 1, 'invalid_request_error', 'the WebSocket protocol was broken'),

  engine_program_missing: facts(
    503,
    4410,
    69,
    'unavailable_error',
    'the program of an engine cannot be started',
  ),
  engine_module_invalid: facts(503, 4410, 69, 'unavailable_error', 'a worker module breaks the contract'),
  engine_load_failed: facts(503, 4410, 69, 'unavailable_error', 'an engine reported that its load failed'),
  engine_exited: facts(503, 4410, 69, 'unavailable_error', 'an engine exited by itself'),
  engine_unreachable: facts(503, 4410, 69, 'unavailable_error', 'an engine does not answer, or no more'),
  engine_unfit: facts(
    503,
    4410,
    69,
    'unavailable_error',
    'an engine answers, but not as one that can be used',
  ),
  engine_no_output: facts(
    502,
    4410,
    69,
    'server_error',
    'an engine answers without output: no token, no sample, no transcript',
  ),
  engine_stalled: facts(503, 4410, 69, 'unavailable_error', 'an engine made no progress for its stall limit'),
  engine_deadline: facts(
    503,
    4410,
    69,
    'unavailable_error',
    'an engine was not ready within its total limit',
  ),
  engine_port_taken: facts(
    503,
    4410,
    69,
    'unavailable_error',
    'the port of an engine is held by something else',
  ),
  model_file_unusable: facts(
    503,
    4410,
    69,
    'unavailable_error',
    'the model file of an engine is missing, no model, or held by somebody else',
  ),
  engine_stopped: facts(503, 4410, 69, 'unavailable_error', 'the engine was stopped'),
  engine_not_ready: facts(503, 4410, 69, 'unavailable_error', 'the engine was not ready in time'),
  engine_busy: facts(503, 4410, 1, 'unavailable_error', 'too many calls wait for the engine'),
  engine_call_failed: facts(502, 4410, 1, 'server_error', 'a call to an engine failed'),
  engine_call_unsupported: facts(501, 4410, 1, 'server_error', 'the engine does not offer this capability'),

  task_exists: facts(
    409,
    1008,
    1,
    'invalid_request_error',
    'the task has been triggered in this session already',
  ),
  task_result_invalid: facts(
    502,
    1011,
    1,
    'server_error',
    'what the engine of a task answered is no result of it, asked twice',
  ),
  session_open: facts(409, 1008, 1, 'invalid_request_error', 'the session has not ended yet'),
  recording_broken: facts(
    422,
    1008,
    1,
    'invalid_request_error',
    'the files of a recording are missing or spoilt',
  ),
  recording_failed: facts(500, 1011, 1, 'server_error', 'a recording cannot be written or read'),
  invalid_audio: facts(
    422,
    1008,
    1,
    'invalid_request_error',
    'the audio is broken, or of no kind that can be decoded',
  ),
  recording_under_way: facts(409, 1008, 1, 'invalid_request_error', 'the recording has not ended yet'),
  recording_unplayable: facts(
    422,
    1008,
    1,
    'invalid_request_error',
    'there is nothing in the recording that could be played back, or it is broken',
  ),
  no_session: facts(409, 1008, 1, 'invalid_request_error', 'the session for a playback is not open'),
  session_listening: facts(
    409,
    1008,
    1,
    'invalid_request_error',
    'the caller of the session for a playback is speaking',
  ),
  playback_active: facts(
    409,
    1008,
    1,
    'invalid_request_error',
    'a playback speaks in the session in place of its caller',
  ),
  playback_unsupported: facts(
    409,
    1008,
    1,
    'invalid_request_error',
    'the session cannot take a playback of this mode',
  ),
  playback_stalled: facts(504, 1011, 1, 'unavailable_error', 'the session took no more of a playback'),
  range_not_satisfiable: facts(
    416,
    1008,
    1,
    'invalid_request_error',
    'nothing of what is there is in the range asked for',
  ),
  upstream_refused: facts(
    502,
    4410,
    1,
    'server_error',
    'the upstream of a bridge did not accept the session',
  ),
  upstream_unreachable: facts(
    503,
    4410,
    1,
    'unavailable_error',
    'the upstream of a bridge cannot be reached',
  ),
  upstream_closed: facts(502, 4410, 1, 'server_error', 'the upstream of a bridge closed the connection'),
  upstream_stalled: facts(
    504,
    4410,
    1,
    'unavailable_error',
    'the upstream of a bridge did not answer in its time',
  ),

  invalid_topic: facts(400, 1008, 1, 'invalid_request_error', 'what is named is no topic of events'),
  invalid_event: facts(400, 1008, 1, 'invalid_request_error', 'what was published is no JSON'),
  event_too_large: facts(413, 1009, 1, 'invalid_request_error', 'an event is over its limit'),
  bad_envelope: facts(
    400,
    1008,
    1,
    'invalid_request_error',
    'an object with `topic` and `data` has other keys',
  ),
  topic_reserved: facts(403, 1008, 1, 'auth_error', "topics `greenroom.` are the gateway's own"),
  topic_not_allowed: facts(403, 1008, 1, 'auth_error', 'the token grants no such topic'),
  mixed_topics: facts(
    400,
    1008,
    1,
    'invalid_request_error',
    "one connection has either the gateway's own topics or the others",
  ),

  scope_closed: facts(503, 1001, 1, 'unavailable_error', 'the owner of the work is closing or closed'),
  cancelled: facts(499, 1000, 1, 'unavailable_error', 'the work was cancelled by its owner'),
  deadline_exceeded: facts(504, 1011, 1, 'unavailable_error', 'the work did not end in its time'),
  shutdown_forced: facts(500, 1001, 3, 'server_error', 'something had to be forced at shutdown'),
  not_ready: facts(503, 1013, 69, 'unavailable_error', 'the gateway did not become ready in time'),
  gateway_unreachable: facts(503, 1011, 69, 'unavailable_error', 'no gateway answers at the address'),
  microphone_missing: facts(503, 1011, 69, 'unavailable_error', 'there is no program here to record with'),
  microphone_failed: facts(503, 1011, 1, 'unavailable_error', 'the program that records ended by itself'),
  internal_error: facts(500, 1011, 1, 'server_error', 'a fault of ours'),
} as const satisfies Record<string, CodeFacts>;

export type ErrorCode = keyof typeof codes;

export const factsOf = (code: ErrorCode): CodeFacts => codes[code];
