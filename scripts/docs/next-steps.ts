// What to do about each failure, for docs/troubleshooting.md. A test says which code has no entry here, and which entry has
// no code. Short and plain: what to look at, what to change, whether to try again.

export const nextSteps: Readonly<Record<string, string>> = {
  bad_usage: '`greenroom help COMMAND` has the options of each command.',
  config_not_found:
    'Start in the folder where `greenroom.yaml` is, or name the file with `-c FILE`. With neither there is the embedded default.',
  config_invalid:
    'The message names file, line, column and key, and what was expected; all mistakes are told at once. `docs/configuration.md` has every key. `greenroom doctor` checks without starting.',
  secret_missing:
    'Set the variable in the environment of the gateway (`NAME=... greenroom up`; in a unit of systemd, `EnvironmentFile=`), or take the key out. An empty value counts as unset.',
  tls_unusable:
    'Look at `tls.cert` and `tls.key`: both PEM, the key belongs to the certificate, readable by this user, not expired. `openssl x509 -in cert.pem -noout -dates` shows its dates.',
  data_directory_locked:
    'The message says who has it. `greenroom stop` ends that gateway; `--data DIR` gives this one a directory of its own.',
  data_directory_unusable:
    'The folder must be a directory that this user can write, on a disk with room. Choose another one with `--data`, or mend its owner and mode (0700).',
  store_unusable:
    'Another program made the database, or a newer greenroom did: use that one, move `greenroom.db` away while no gateway runs, or set `store: none`. The file is left as it is.',
  listen_failed:
    'The message names who holds the address. Stop that, or choose another with `--listen HOST:PORT`. Ports below 1024 need a permission of the system.',

  not_found:
    'Look at the path and the id. `GET /openapi.json` has every path; lists (`/api/sessions`, `/api/engines`, ...) have what there is.',
  method_not_allowed: 'The `Allow` header of the answer has the methods that the path takes.',
  invalid_request:
    'The message names the field and what was expected. Trying again without a change gives the same answer.',
  request_timeout: 'Send headers and body without long pauses. Behind a slow line, send less at a time.',
  headers_too_large:
    'Send fewer or smaller headers; large cookies of other programs on the same host are the usual cause.',
  expectation_failed: 'Take the `Expect` header out, or send `100-continue`, the only one that is known.',
  body_too_large:
    'The message has the limit. Send less; of events, send NDJSON, whose lines alone are limited.',
  upgrade_required:
    'Connect with `ws://` or `wss://`, version 13. A browser shows nothing of a refused connection: asking the same address over HTTP tells why.',
  origin_not_allowed:
    'A page of another origin asked, or the name in `Host` is not known. Put the origin into `auth.origins`. Loopback names are always allowed.',
  permission_denied: 'The process belongs to another user, or a file does. Run the command as that user.',
  unauthorized:
    'Send `Authorization: Bearer TOKEN` (or `?token=`, or `GREENROOM_TOKEN` for the commands). `/api`, `/metrics` and `/engines` want one of `auth.admin`.',
  too_many_client_secrets:
    'They end by themselves (`expires_after`). Make one for each page load, not in advance, and with a short time.',
  context_length_exceeded:
    'Send a shorter conversation, set `truncation` in the session, or give the engine a larger context (`args: ["-c", "8192"]` of llama-server).',
  model_not_found:
    'The message lists what there is, `GET /v1/models` too. Names are those of your configuration; `aliases:` gives others to them, `unknownModel: default` takes any.',
  connections_full:
    'Raise `limits.connections`, or find out who opens so many: one watcher or session needs one connection.',
  sessions_full:
    'Wait and call again, or raise `sessions.max`. `GET /api/sessions` shows who is there and for how long.',
  server_busy:
    'Too many large bodies wait for engines that are not ready. Try again after the seconds of `Retry-After`.',
  server_starting: 'Try again: it takes a fraction of a second. `greenroom wait` waits for it.',
  server_shutdown:
    'The gateway was told to leave. Connect again when it is back; `greenroom/client` does that by itself.',
  session_expired: 'A session lasts an hour, as with OpenAI. Open the next one; clients are to expect it.',
  slow_client:
    'The client did not read fast enough for a long time. Look at what blocks it; a watcher that comes back with its last id gets what it has missed, `policy=skip` or `conflate` lets it stay.',
  client_lost: 'The network is gone, or the client was suspended. It may connect again.',
  protocol_error:
    'A proxy or a library in between breaks frames. Connect without it to see whether that ends.',

  engine_program_missing:
    'Install the program, or write its whole path in `run:`. `greenroom doctor` looks for it as the gateway would. A gateway that was started by systemd has another PATH than your shell.',
  engine_module_invalid:
    'The message says which part of the contract is missing. README, "Your own engine", has the whole of it.',
  engine_load_failed:
    'The last lines of the engine are in the message: it says itself what is wrong. All of them are in `engines/NAME/` and at `GET /api/engines/NAME/log`.',
  engine_exited:
    'The message has exit code or signal, the cause where that is known, and the last lines. Out of memory: a smaller model or context. A cause that will not change is not tried again until `POST /api/engines/NAME/start` or a restart.',
  engine_unreachable:
    'Is it running, and does `url` or `ready.http` name the right address? An engine of somebody else is tried again for ever, so it is enough to start it.',
  engine_unfit:
    'The message has what it answered. 401: the `key` is missing or wrong. 404: it is another kind of server, or `ready.http` is another path.',
  engine_no_output:
    'It answers, and says nothing. Look at its own log: a wrong chat template, a broken model file, or a request that it does not understand.',
  engine_stalled:
    'It said nothing for `ready.stall`. If it is only slow, raise that; if not, its last lines show where it hangs. It is started anew.',
  engine_deadline:
    'It loads, and not within `ready.total`: raise that, or look why the load takes so long (a cold disk, swapping).',
  engine_port_taken:
    'The message names who holds the port. Stop that, or use `port: auto`, which takes a free one.',
  model_file_unusable:
    'The message says which: missing, empty, half a download, an HTML page or a pointer of git-lfs in its place, or held by another program. Fetch it again, whole; a changed file is tried by itself.',
  engine_stopped: 'Somebody stopped it, or the gateway leaves. `POST /api/engines/NAME/start` starts it.',
  engine_not_ready:
    'It is still loading: `error.details` has how far it is. Call again after `Retry-After`, or raise how long callers wait (`waiting.time` of the engine, `sessions.lobby.wait`).',
  engine_busy:
    'Too many wait already. Try again after `Retry-After`, or let more wait (`waiting.max` of the engine).',
  engine_call_failed:
    "The message has the engine's own words and status. Three failures in a row make the gateway look at the engine itself.",
  engine_call_unsupported: 'Name another engine, or add the capability to its `offers` if it does have it.',

  task_exists:
    'A task runs once for each session; `error.details.task` says how it stands, `GET /api/sessions/ID/tasks` has its result.',
  task_result_invalid:
    'The engine answered twice with something that does not fit the schema; `raw` of the task has it. Make the schema simpler, the instructions plainer, or take an engine that keeps to `response_format`.',
  recording_failed:
    'Look for room on the disk and for the rights of `recordings/`. The session goes on without being recorded; switch recording on again for the next take.',
  recording_under_way: 'Switch the recording off, or wait for the end of the session, and ask again.',
  range_not_satisfiable: 'Ask for less, or without a `Range`: `content-range` of the answer has the length.',
  upstream_refused:
    "The message has upstream's own reason. Most often: the key, the model in the address, or a quota.",
  upstream_unreachable:
    'Is the address right, and can this machine reach it? A certificate of your own needs `NODE_EXTRA_CA_CERTS`.',
  upstream_closed: 'Upstream ended the session; its code and reason are in the message. Open the next one.',
  upstream_stalled:
    'Upstream owes something and is silent. Try again; where that happens often, look at its status page, and raise `openTimeout` if it is the opening.',

  invalid_topic:
    'A topic is tokens with dots between, 255 bytes at most, without commas, wildcards and control characters. Only watchers may use `*` and `>`.',
  invalid_event:
    'What was sent is no JSON. One value a line in NDJSON; `--text` of `greenroom events --publish` makes strings of lines.',
  event_too_large: 'An event has at most 1 MiB. Send where the data can be fetched, in place of the data.',
  bad_envelope:
    'An object with `topic` and `data` may have `key`, and nothing else. With `?raw=1` every value is taken as data.',
  topic_reserved: 'Choose a topic that does not begin with `greenroom.`.',
  topic_not_allowed:
    'The token may watch or publish less than was asked for: see `watch` and `publish` of it in `auth.tokens`.',
  mixed_topics: 'Open two connections: one for `greenroom.>`, one for the others.',

  scope_closed:
    'What was asked for came while its owner was ending, most often at shutdown. Ask again when the gateway is back.',
  cancelled: 'Whoever asked has left or has cancelled. Nothing is to be done.',
  deadline_exceeded:
    'The message names what did not end and its limit. Try again; where it stays so, the log says what is slow.',
  shutdown_forced:
    'The report names what did not end in its time. If it is an engine, look how it takes SIGTERM; `shutdown.total` gives everything more time.',
  not_ready:
    '`GET /readyz` and `greenroom wait` name the engines that are missing and why. Each of those has a code of its own here.',
  gateway_unreachable:
    'Is one running? `greenroom ps` looks in the data directory (`--data`), `--url` names another address.',
  microphone_missing:
    'Install one of the programs that the message names (`arecord` of alsa-utils, `sox`, `ffmpeg`), or use `--file` or `--text`.',
  microphone_failed:
    "The message has the program's last words. Another program may hold the device; `--mic DEVICE` names another one.",
  internal_error:
    'A fault of greenroom. The log has what happened, with its place in the source: please report it with that.',
  pipeline_restarted:
    'Connect again: new sessions get the generation that is current. `sessions.drain` is how long those of the one before may stay.',
  restart_under_way: 'Wait until it has ended: `greenroom status` shows the generations. Then ask again.',
  too_many_generations:
    'Sessions hold the generations before. `greenroom sessions` shows whose; they end by themselves, or after `sessions.drain`.',
  store_busy:
    'Free room on the disk of the data directory, or end the program that holds `greenroom.db` (`fuser greenroom.db` names it). What was said meanwhile is kept in memory, within its limit, and written then.',
  session_open:
    'End the session first (its caller hangs up, or leaves), or choose another one: `GET /api/sessions` shows which are open.',
  recording_broken:
    'The message names the file. Restore it from a copy, or remove the recording with `DELETE /api/recordings/SESSION/TAKE`.',
  conversation_expired:
    'The connection has a new session; go on with it. Come back sooner (`sessions.resume`), and with the same token.',
  replaced:
    'Another connection of the same caller came back to the session. If that was not meant, see that only one of them uses the `conversation_id`.',
  invalid_audio:
    'The message names the byte. Send WAV, or WebM with one Opus track, from its beginning; a recorder that was begun anew begins a new stream.',
  recording_unplayable:
    'The message says what is missing. `GET /api/recordings/SESSION/TAKE` shows what there is; `events` needs no sound, `full` needs no events.',
  no_session:
    '`GET /api/sessions` has the sessions that are open. Without `sessionId` one is opened for the playback.',
  session_listening:
    'Wait until its caller has been quiet for two seconds, or play the recording in a session of its own (leave `sessionId` out).',
  playback_active:
    '`POST /api/playback/stop` with the session ends it. Until then the microphone of its caller is not heard.',
  playback_unsupported:
    'The message says what is in the way: a pipeline that hears nothing, a caller without `notices=1`, a stream of WebM. Choose another mode or session.',
  playback_stalled:
    'An engine of the session does not go on: `greenroom status` shows it. Play it again when it is ready.',
};
