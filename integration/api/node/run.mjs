// Runs every action through the official Node SDK, with only its endpoint changed.
// Arguments: host:port, SecretId, SecretKey, method of signing, of HTTP, and which part:
// one that finds a new server, or one whose database is gone. Prints what it checked;
// fails by throwing.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.cwd(), "package.json")); // build/node
const { live } = require("tencentcloud-sdk-nodejs");
const [endpoint, secretId, secretKey, signMethod, reqMethod, part] = process.argv.slice(2);

function client(credential) {
  return new live.v20180801.Client({
    credential: { secretId, secretKey, ...credential },
    region: "",
    profile: { signMethod, httpProfile: { endpoint, protocol: "http://", reqMethod } },
  });
}

// refused checks the code of a call that must not succeed.
async function refused(code, promise) {
  let error;
  try {
    await promise;
  } catch (e) {
    error = e;
  }
  assert.equal(error?.code, code, String(error));
  assert.equal(error.requestId.length, 36);
}

async function templates(c) {
  const { TemplateId, RequestId } = await c.CreateLiveRecordTemplate({
    TemplateName: "模板_1", Description: "a b&c=d+%/?", CosStore: 1, RemoveWatermark: true,
    FlvParam: { Enable: 1, RecordInterval: 1800, CosBucketName: "rec", CosBucketRegion: "ap-guangzhou", CosBucketPath: "/{RecordSource}/{StreamID}/{RecordId}" },
    HlsParam: { Enable: 1, CosBucketName: "rec" },
    HlsSpecialParam: { FlowContinueDuration: 600 },
  });
  assert.equal(RequestId.length, 36);
  const { Template: t } = await c.DescribeLiveRecordTemplate({ TemplateId });
  assert.equal(t.Description, "a b&c=d+%/?");
  assert.equal(t.TemplateName, "模板_1");
  assert.equal(t.CosStore, 1);
  assert.equal(t.RemoveWatermark, true);
  assert.equal(t.FlvParam.CosBucketPath, "/{RecordSource}/{StreamID}/{RecordId}");
  assert.equal(t.HlsSpecialParam.FlowContinueDuration, 600);
  await c.ModifyLiveRecordTemplate({ TemplateId, Description: "new", AacParam: { Enable: 1, CosBucketName: "rec" } });
  const { Templates } = await c.DescribeLiveRecordTemplates({});
  assert.equal(Templates.length, 2);
  assert.ok(Number.isSafeInteger(Templates[0].TemplateId), "ids of YAML are exact in JavaScript");
  assert.equal((await c.DescribeLiveRecordTemplate({ TemplateId: Templates[0].TemplateId })).Template.TemplateName, "yaml");
  assert.equal(Templates[1].AacParam.Enable, 1);
  await refused("UnsupportedOperation", c.DeleteLiveRecordTemplate({ TemplateId: Templates[0].TemplateId }));
  await refused("MissingParameter", c.CreateLiveRecordTemplate({}));
  await refused("InvalidParameterValue", c.CreateLiveRecordTemplate({ TemplateName: "a b" }));
  await refused("UnsupportedOperation", c.CreateLiveRecordTemplate({ TemplateName: "a", Mp3Param: { Enable: 1 } }));
  await refused("UnknownParameter", c.CreateLiveRecordTemplate({ TemplateName: "a", Foo: 1 }));
  const cos = (CosBucketName, CosBucketPath) => ({ TemplateName: "a", CosStore: 1, Mp4Param: { Enable: 1, CosBucketName, CosBucketPath } });
  await refused("FailedOperation.CosBucketNotExist", c.CreateLiveRecordTemplate(cos("stolen", "/a")));
  await refused("InvalidParameter.COSCustomFileNameError", c.CreateLiveRecordTemplate(cos("rec", "/{Foo}")));
  await refused("FailedOperation.NotFound", c.DescribeLiveRecordTemplate({ TemplateId: 999 }));
  await refused("FailedOperation.NotFound", c.ModifyLiveRecordTemplate({ TemplateId: 999 }));
  return TemplateId;
}

async function rules(c, TemplateId) {
  const rule = { DomainName: "push.example.com", AppName: "", StreamName: "s" };
  await c.CreateLiveRecordRule({ ...rule, TemplateId });
  await refused("FailedOperation.RuleAlreadyExist", c.CreateLiveRecordRule({ ...rule, TemplateId }));
  await refused("InvalidParameter.ConfNotFound", c.CreateLiveRecordRule({ ...rule, StreamName: "z", TemplateId: 999 }));
  await refused("InvalidParameter.DomainFormatError", c.CreateLiveRecordRule({ DomainName: "a/b", TemplateId }));
  const { Rules } = await c.DescribeLiveRecordRules({});
  assert.deepEqual(Rules.map((r) => [r.DomainName, r.AppName, r.StreamName]), [["yaml.example.com", "", ""], ["push.example.com", "", "s"]]);
  await refused("FailedOperation.ConfInUsed", c.DeleteLiveRecordTemplate({ TemplateId }));
  await c.DeleteLiveRecordRule(rule);
  await refused("FailedOperation.NotFound", c.DeleteLiveRecordRule(rule));
  await c.DeleteLiveRecordTemplate({ TemplateId });
  await refused("FailedOperation.NotFound", c.DeleteLiveRecordTemplate({ TemplateId }));
}

async function tasks(c) {
  const now = Math.floor(Date.now() / 1000);
  const stream = { StreamName: "s", DomainName: "push.example.com", AppName: "live" };
  const { TaskId } = await c.CreateRecordTask({ ...stream, EndTime: now + 600 });
  const later = (await c.CreateRecordTask({ ...stream, StartTime: now + 60, EndTime: now + 600, StreamType: 1 })).TaskId;
  await refused("InvalidParameter", c.CreateRecordTask({ ...stream, EndTime: now - 1 }));
  await refused("MissingParameter", c.CreateRecordTask({ EndTime: now + 9 }));
  await c.StopRecordTask({ TaskId });
  await c.DeleteRecordTask({ TaskId: later });
  const list = await c.DescribeRecordTask({ StartTime: now - 60, EndTime: now + 3600 });
  assert.equal(list.ScrollToken, "");
  assert.deepEqual(list.TaskList.map((t) => [t.TaskId, t.EndTime, t.Stopped > 0]), [[TaskId, now + 600, true]]);
  assert.deepEqual((await c.DescribeRecordTask({ StartTime: now - 60, EndTime: now + 3600, StreamName: "other" })).TaskList, []);
  await refused("InvalidParameter", c.DescribeRecordTask({ StartTime: now, EndTime: now }));
  await refused("InvalidParameter", c.StopRecordTask({ TaskId: "nosuch" }));
  await refused("InvalidParameter", c.DeleteRecordTask({ TaskId: later }));
}

async function callbacks(c) {
  const made = await c.CreateLiveCallbackTemplate({
    TemplateName: "cb", RecordNotifyUrl: "https://hook.example.com/r?a=1&b=2", RecordStatusNotifyUrl: "https://hook.example.com/s",
    RecordExceptionNotifyUrl: "https://hook.example.com/e", RecordExceptionLevels: ["error", "warning"], CallbackKey: "key",
  });
  const TemplateId = made.TemplateId;
  await refused("InvalidParameter.UrlNotSafe", c.CreateLiveCallbackTemplate({ TemplateName: "cb", RecordNotifyUrl: "http://10.0.0.1/" }));
  await refused("InvalidParameter.ArgsNotMatch", c.CreateLiveCallbackTemplate({ TemplateName: "c b", RecordNotifyUrl: "https://a.example.com/" }));
  await c.ModifyLiveCallbackTemplate({ TemplateId, Description: "new", RecordExceptionLevels: ["info"] });
  const { Template: t } = await c.DescribeLiveCallbackTemplate({ TemplateId });
  assert.equal(t.Description, "new");
  assert.deepEqual(t.RecordExceptionLevels, ["info"]);
  assert.notEqual(t.CallbackKey, "key");
  assert.equal((await c.DescribeLiveCallbackTemplates({})).Templates.length, 2);
  const rule = { DomainName: "push.example.com", AppName: "live" };
  await c.CreateLiveCallbackRule({ ...rule, TemplateId });
  await refused("FailedOperation.RuleAlreadyExist", c.CreateLiveCallbackRule({ ...rule, TemplateId }));
  assert.equal((await c.DescribeLiveCallbackRules({})).Rules.length, 2);
  await refused("FailedOperation.ConfInUsed", c.DeleteLiveCallbackTemplate({ TemplateId }));
  await c.DeleteLiveCallbackRule(rule);
  await refused("FailedOperation.NotFound", c.DeleteLiveCallbackRule(rule));
  await c.DeleteLiveCallbackTemplate({ TemplateId });
}

async function others(c) {
  await refused("UnsupportedOperation", c.CreateCommonMixStream({
    MixStreamSessionId: "s", InputStreamList: [{ InputStreamName: "a", LayoutParams: { ImageLayer: 1 } }], OutputParams: { OutputStreamName: "m" } }));
  await refused("UnsupportedOperation", c.CancelCommonMixStream({ MixStreamSessionId: "s" }));
  await refused("InvalidAction", c.DescribeLiveStreamState({ AppName: "a", DomainName: "d", StreamName: "s" }));
}

// limits: this server takes four templates and two rules, of YAML and the API.
async function limits(c) {
  const made = [];
  for (let i = 0; i < 4; i++) made.push((await c.CreateLiveRecordTemplate({ TemplateName: "t" + i })).TemplateId);
  await refused("InternalError.ConfOutLimit", c.CreateLiveRecordTemplate({ TemplateName: "more" }));
  const rule = (StreamName) => ({ DomainName: "push.example.com", StreamName, TemplateId: made[0] });
  for (const name of ["a", "b"]) await c.CreateLiveRecordRule(rule(name));
  await refused("InternalError.RuleOutLimit", c.CreateLiveRecordRule(rule("c")));
}

// protocol: requests that are wrong whatever they ask for.
async function protocol(c) {
  const old = client();
  old.apiVersion = "2017-01-01";
  await refused("NoSuchVersion", old.DescribeLiveRecordRules({}));
  const size = reqMethod === "GET" ? 33 << 10 : 11 << 20;
  await refused("RequestSizeLimitExceeded", c.CreateLiveRecordTemplate({ TemplateName: "long", Description: "x".repeat(size) }));
}

// credentials: callers that are not let in.
async function credentials() {
  await refused("AuthFailure.SignatureFailure", client({ secretKey: "wrong" }).DescribeLiveRecordRules({}));
  await refused("AuthFailure.SecretIdNotFound", client({ secretId: "AKIDOTHER" }).DescribeLiveRecordRules({}));
  await refused("AuthFailure.TokenFailure", client({ token: "temporary" }).DescribeLiveRecordRules({}));
  const Right = Date;
  for (const minutes of [6, -6]) {
    globalThis.Date = class extends Right {
      static now() { return Right.now() + minutes * 60e3; }
      constructor(...args) { super(...(args.length ? args : [Date.now()])); }
    };
    await refused("AuthFailure.SignatureExpire", client().DescribeLiveRecordRules({}));
  }
  globalThis.Date = Right;
}

// broken: a server that can't, and one that will not for a while.
async function broken(c) {
  await refused("InternalError", c.DescribeLiveRecordTemplates({}));
  for (let i = 0; i < 30; i++) await client({ secretKey: "wrong" }).DescribeLiveRecordRules({}).catch(() => {});
  await refused("RequestLimitExceeded.IPLimitExceeded", client({ secretKey: "wrong" }).DescribeLiveRecordRules({}));
  await refused("InternalError", c.DescribeLiveRecordTemplates({})); // a good signature is answered
}

const c = client();
if (part === "broken") {
  await broken(c);
} else {
  await rules(c, await templates(c));
  await tasks(c);
  await callbacks(c);
  await others(c);
  await limits(c);
  await protocol(c);
  await credentials();
}
console.log(`${part}: ok`);
