// What octokit.js does with a GitHub: a repository, a branch, a file, a pull request, its review and merge, and long lists.
// Arguments: address, token of the author, token of the reviewer. Prints what it saw as JSON.
import { Octokit } from "octokit";

const [, , baseUrl, author, reviewer] = process.argv;
const client = (auth) => new Octokit({ auth, baseUrl, throttle: { enabled: false }, retry: { enabled: false } });
const mia = client(author);
const wernher = client(reviewer);
const at = { owner: "acme", repo: "octo" };

await mia.rest.repos.createInOrg({ org: "acme", name: "octo", auto_init: true });
const main = await mia.rest.git.getRef({ ...at, ref: "heads/main" });
await mia.rest.git.createRef({ ...at, ref: "refs/heads/fix", sha: main.data.object.sha });
await mia.rest.repos.createOrUpdateFileContents({
  ...at, path: "docs/new.md", branch: "fix", message: "Add a page", content: Buffer.from("# New\n").toString("base64"),
});
const pull = await mia.rest.pulls.create({ ...at, title: "A page", head: "fix", base: "main", body: "Why not?" });
const pull_number = pull.data.number;
await mia.rest.issues.addLabels({ ...at, issue_number: pull_number, labels: ["docs"] });
await wernher.rest.pulls.createReview({ ...at, pull_number, event: "APPROVE" });
await wernher.rest.issues.createComment({ ...at, issue_number: pull_number, body: "/lgtm" });
await wernher.rest.repos.createCommitStatus({ ...at, sha: pull.data.head.sha, state: "success", context: "unit" });
const files = await mia.rest.pulls.listFiles({ ...at, pull_number });
const merged = await mia.rest.pulls.merge({ ...at, pull_number, merge_method: "squash" });
const content = await mia.rest.repos.getContent({ ...at, path: "docs/new.md" });

for (let n = 0; n < 5; n += 1) await mia.rest.issues.create({ ...at, title: `Issue ${n}` });
const issues = await mia.paginate(mia.rest.issues.listForRepo, { ...at, state: "all", per_page: 2 });
const graph = await mia.graphql.paginate(
  `query($cursor: String) { repository(owner: "acme", name: "octo") {
     issues(first: 2, after: $cursor) { nodes { number } pageInfo { hasNextPage endCursor } } } }`,
);
const seen = await mia.rest.repos.get(at);
let unchanged = 0;
try {
  await mia.rest.repos.get({ ...at, headers: { "if-none-match": seen.headers.etag } });
} catch (error) {
  unchanged = error.status;
}
let refused = 0;
try {
  await mia.rest.pulls.merge({ ...at, pull_number });
} catch (error) {
  refused = error.status;
}
console.log(JSON.stringify({
  files: files.data.map((file) => file.filename),
  merged: merged.data.merged,
  content: Buffer.from(content.data.content, "base64").toString(),
  issues: issues.map((issue) => issue.number),
  graph: graph.repository.issues.nodes.map((issue) => issue.number),
  unchanged,
  refused,
}));
