// Who answered, as a caller is told that asked for notices. A strict client never sees it; the record keeps it.
import type { AnswerSource, Notice } from '../wire/notices.ts';

export function sourceNotice(responseId: string, { think, speak }: AnswerSource): Notice {
  const thought = `answered by ${named(think)}`;
  return {
    ...{ type: 'greenroom.notice', code: 'answer_source', response_id: responseId, think, speak },
    message: speak ? `${thought}, spoken by ${named(speak)}` : thought,
  };
}

function named({ engine, model }: AnswerSource['think']): string {
  return model === null ? `engine ${engine}` : `engine ${engine} (${model})`;
}
