import { ApiError, notFound } from '@gatehouse/service/errors';

/** How far a job is, of creating or of rendering a batch (contract §9.4). */
type State =
  | { readonly status: 'waiting' }
  | { readonly status: 'running'; readonly percentage: number }
  | { readonly status: 'failed'; readonly message: string }
  | { readonly status: 'succeeded' };

/**
 * The state of a job that has succeeded. Throws 409 while it has not ended, 410 when it has failed, and 404 for an unknown
 * or forgotten one.
 */
export function succeeded<S extends State>(state: S | undefined): Extract<S, { readonly status: 'succeeded' }> {
  if (!state) throw notFound();
  if (isSuccess(state)) return state;
  // In this order, without what else a state may have.
  if (state.status === 'failed') throw new ApiError(410, { status: 'failed', message: state.message });
  const { status } = state;
  const body = state.status === 'running' ? { status, percentage: Math.floor(state.percentage) } : { status };
  // Clients wait at least a second before they ask again.
  throw new ApiError(409, body, { 'Retry-After': '1' });
}

const isSuccess = <S extends State>(state: S): state is Extract<S, { readonly status: 'succeeded' }> =>
  state.status === 'succeeded';
