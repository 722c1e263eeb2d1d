// Why something ended: one closed set of words, the same in logs, records and the API.

export type CloseReason =
  | 'done'
  | 'client_left'
  | 'client_lost'
  | 'server_shutdown'
  | 'setup_failed'
  | 'engine_failed'
  | 'slow_client'
  | 'replaced'
  | 'restarted'
  | 'deadline'
  | 'protocol_error'
  | 'internal_error';
