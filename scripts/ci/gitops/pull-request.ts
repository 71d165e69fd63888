import { GitOpsProblem } from './problem.ts';

const TIMEOUT_MS = 30_000;
/** What GitHub says of a pull request that waits for nothing any more (in a merge queue it waits for that). */
const GREEN_ALREADY = /is in (clean|unstable) status/;

/** The branch of a pull request, and the one that it is to change. */
export interface Branches {
  readonly branch: string;
  readonly base: string;
}

export interface Proposal extends Branches {
  readonly title: string;
  readonly body: string;
}

interface PullRequest {
  readonly html_url: string;
  readonly number: number;
  readonly node_id: string;
}

/** Pull requests of a repository by GitHub's interface (https://docs.github.com/rest/pulls/pulls), with a token that may write them. */
export class PullRequests {
  readonly #api: string;
  readonly #token: string;
  readonly #repository: string;

  /** @param repository `owner/name` */
  constructor(api: string, token: string, repository: string) {
    this.#api = api;
    this.#token = token;
    this.#repository = repository;
  }

  /** Opens a pull request for a branch, or renews the text of the one that is open. */
  async open({ branch, base, title, body }: Proposal): Promise<PullRequest> {
    const known = await this.#openOne({ branch, base });
    const asked =
      known === undefined
        ? this.#ask('POST', this.#path(), { title, body, head: branch, base })
        : this.#ask('PATCH', this.#path(known), { title, body });
    return (await asked) as PullRequest;
  }

  /** Closes the one of a branch that is open, so that it does not merge itself any more. @returns where it is; `undefined`: there was none */
  async close(branches: Branches): Promise<string | undefined> {
    const known = await this.#openOne(branches);
    if (known === undefined) return undefined;
    try {
      await this.#ask('PATCH', this.#path(known), { state: 'closed' });
    } catch (error) {
      // One that has merged meanwhile cannot be closed, and need not be.
      if ((await this.#openOne(branches)) !== undefined) throw error;
      return undefined;
    }
    return known.html_url;
  }

  /**
   * Has it merged as soon as what its branch asks for is green.
   *
   * @param head the commit that was proposed: what is green already is merged as that one and no other, what is not when
   *   GitHub finds the branch green, whatever it holds by then
   * @returns why not, where the repository does not have that
   */
  async mergeWhenGreen(pull: PullRequest, head: string): Promise<string | undefined> {
    const query = `mutation($id: ID!) {
      enablePullRequestAutoMerge(input: { pullRequestId: $id, mergeMethod: SQUASH }) { clientMutationId }
    }`;
    const graphql = this.#api.replace(/\/v3$/, '').concat('/graphql');
    const answer = (await this.#ask('POST', graphql, { query, variables: { id: pull.node_id } })) as {
      readonly errors?: readonly { readonly message: string }[];
    };
    const refused = answer.errors?.map(({ message }) => message).join('; ');
    if (refused === undefined || !GREEN_ALREADY.test(refused)) return refused;
    await this.#ask('PUT', `${this.#path(pull)}/merge`, { sha: head, merge_method: 'squash' });
    return undefined;
  }

  async #openOne({ branch, base }: Branches): Promise<PullRequest | undefined> {
    const [owner] = this.#repository.split('/');
    const query = new URLSearchParams({ state: 'open', head: `${owner}:${branch}`, base });
    const [known] = (await this.#ask('GET', `${this.#path()}?${query.toString()}`)) as readonly PullRequest[];
    return known;
  }

  #path(pull?: PullRequest): string {
    return `/repos/${this.#repository}/pulls${pull === undefined ? '' : `/${pull.number}`}`;
  }

  async #ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const url = path.startsWith('/') ? this.#api + path : path;
    const answer = await fetch(url, {
      method,
      headers: {
        accept: 'application/vnd.github+json',
        authorization: `Bearer ${this.#token}`,
        'content-type': 'application/json',
        'x-github-api-version': '2022-11-28',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (answer.ok) return answer.json();
    const reason = (await answer.text()).slice(0, 300);
    const may = answer.status === 403 || answer.status === 404 ? ': may the token write pull requests there?' : '';
    throw new GitOpsProblem(`GitHub answers ${answer.status} to ${method} of ${new URL(url).pathname}${may} ${reason}`);
  }
}
