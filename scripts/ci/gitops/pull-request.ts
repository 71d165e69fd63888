import { GitOpsProblem } from './problem.ts';

const TIMEOUT_MS = 30_000;

export interface Proposal {
  /** `owner/name` */
  readonly repository: string;
  readonly branch: string;
  readonly base: string;
  readonly title: string;
  readonly body: string;
}

interface PullRequest {
  readonly html_url: string;
  readonly number: number;
  readonly node_id: string;
}

/** Pull requests by GitHub's interface (https://docs.github.com/rest/pulls/pulls), with a token that may write them. */
export class PullRequests {
  readonly #api: string;
  readonly #token: string;

  constructor(api: string, token: string) {
    this.#api = api;
    this.#token = token;
  }

  /** Opens a pull request for a branch, or renews the text of the one that is open. */
  async open({ repository, branch, base, title, body }: Proposal): Promise<PullRequest> {
    const [owner] = repository.split('/');
    const query = new URLSearchParams({ state: 'open', head: `${owner}:${branch}`, base });
    const [known] = (await this.#ask(
      'GET',
      `/repos/${repository}/pulls?${query.toString()}`,
    )) as readonly PullRequest[];
    if (known === undefined) {
      return (await this.#ask('POST', `/repos/${repository}/pulls`, {
        title,
        body,
        head: branch,
        base,
      })) as PullRequest;
    }
    return (await this.#ask('PATCH', `/repos/${repository}/pulls/${known.number}`, { title, body })) as PullRequest;
  }

  /** Has it merged as soon as what its branch asks for is green. @returns why not, where the repository does not have that */
  async mergeWhenGreen({ node_id }: PullRequest): Promise<string | undefined> {
    const query = `mutation($id: ID!) {
      enablePullRequestAutoMerge(input: { pullRequestId: $id, mergeMethod: SQUASH }) { clientMutationId }
    }`;
    const graphql = this.#api.replace(/\/v3$/, '').concat('/graphql');
    const answer = (await this.#ask('POST', graphql, { query, variables: { id: node_id } })) as {
      readonly errors?: readonly { readonly message: string }[];
    };
    return answer.errors?.map(({ message }) => message).join('; ');
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
