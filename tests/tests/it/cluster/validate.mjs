// Validates the objects on standard input (a JSON array) whose kinds are not Kubernetes' own against the schemas of
// @kubernetes-models, installed in the folder given. Prints what is wrong, and how many objects it looked at.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const packages = {
  "gateway.networking.k8s.io": "gateway-api",
  "argoproj.io": "argo-rollouts",
  "monitoring.coreos.com": "prometheus-operator",
  "networking.istio.io": "istio",
};
let seen = 0;
let wrong = 0;
for (const object of JSON.parse(readFileSync(0, "utf8"))) {
  const [group, version] = object.apiVersion.split("/");
  if (!(group in packages)) continue;
  seen += 1;
  const models = `${process.argv[2]}/node_modules/@kubernetes-models/${packages[group]}/${group}/${version}/index.js`;
  try {
    const { [object.kind]: Kind } = await import(pathToFileURL(models));
    new Kind(object).validate();
  } catch (error) {
    wrong += 1;
    console.log(`${object.kind} ${object.metadata.name}: ${error.message}`);
  }
}
console.log(`${seen} objects`);
process.exit(wrong === 0 ? 0 : 1);
