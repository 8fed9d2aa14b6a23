// Validates the objects on standard input (a JSON array) whose kinds are not Kubernetes' own against the schemas of
// @kubernetes-models, installed in the folder given. Prints what is wrong, and how many objects it looked at.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const packages = {
  "gateway.networking.k8s.io": "gateway-api",
  "argoproj.io": "argo-rollouts",
  "image.toolkit.fluxcd.io": "flux-cd",
  "kustomize.toolkit.fluxcd.io": "flux-cd",
  "monitoring.coreos.com": "prometheus-operator",
  "networking.istio.io": "istio",
  "source.toolkit.fluxcd.io": "flux-cd",
};
// Two projects share a group.
const ofArgoCd = ["AppProject", "Application"];

// The validators are compiled from schemas that let any field be: they read those that they know. So a field that
// nobody has read, beside others that were, is one that the schema does not have.
const watched = new Map();
function watch(value, path) {
  if (typeof value !== "object" || value === null) return value;
  const read = new Set();
  watched.set(path, { value, read });
  const children = new Map();
  return new Proxy(value, {
    get(target, key, receiver) {
      if (typeof key === "symbol" || !Object.hasOwn(target, key)) return Reflect.get(target, key, receiver);
      read.add(key);
      if (!children.has(key)) children.set(key, watch(target[key], `${path}.${key}`));
      return children.get(key);
    },
  });
}
function unknown() {
  const isUnknown = ({ value, read }, key) => read.size > 0 && !Array.isArray(value) && !read.has(key);
  return [...watched].flatMap(([path, it]) =>
    Object.keys(it.value).filter((key) => isUnknown(it, key)).map((key) => `${path}.${key}`));
}

let seen = 0;
let wrong = 0;
for (const object of JSON.parse(readFileSync(0, "utf8"))) {
  const [group, version] = object.apiVersion.split("/");
  if (!(group in packages)) continue;
  seen += 1;
  const name = ofArgoCd.includes(object.kind) ? "argo-cd" : packages[group];
  const models = `${process.argv[2]}/node_modules/@kubernetes-models/${name}/${group}/${version}/index.js`;
  watched.clear();
  try {
    const { [object.kind]: Kind } = await import(pathToFileURL(models));
    watch(new Kind(object), "").validate();
    const fields = unknown();
    if (fields.length > 0) throw new Error(`unknown fields: ${fields.join(", ")}`);
  } catch (error) {
    wrong += 1;
    console.log(`${object.kind} ${object.metadata.name}: ${error.message}`);
  }
}
console.log(`${seen} objects`);
process.exit(wrong === 0 ? 0 : 1);
