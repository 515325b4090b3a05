"""The floor for Python: the standard library, with signatures of its own and no SDK."""

import base64
import hashlib
import hmac
import json
import os
import time
import uuid
from http.client import HTTPSConnection
from urllib.parse import quote, urlsplit

KEY = os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"]
SECRET = os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]
SLB, ESS, MNS = (
    HTTPSConnection(urlsplit(os.environ[name]).netloc, timeout=8)
    for name in ("SLB_ENDPOINT", "ESS_ENDPOINT", "MNS_ENDPOINT")
)


def mac(key, text):
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha1).digest()).decode()


def send(connection, method, target, body=None, headers=None):
    connection.request(method, target, body, headers or {})
    answer = connection.getresponse()
    content = answer.read()
    if answer.status >= 300:
        raise RuntimeError(answer.status)
    return content


def call(connection, version, action, **parameters):
    parameters |= {
        "Action": action,
        "Version": version,
        "Format": "JSON",
        "RegionId": "cn-hangzhou",
        "AccessKeyId": KEY,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": uuid.uuid4().hex,
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    pairs = sorted((quote(k, safe="~"), quote(v, safe="~")) for k, v in parameters.items())
    query = "&".join(f"{name}={value}" for name, value in pairs)
    signature = mac(f"{SECRET}&", f"POST&%2F&{quote(query, safe='~')}")
    return json.loads(send(connection, "POST", f"/?{query}&Signature={quote(signature, safe='')}"))


def publish(text):
    target = f"/topics/{os.environ['RESULT_TOPIC']}/messages"
    body = (
        '<?xml version="1.0" encoding="utf-8"?><Message xmlns="http://mns.aliyuncs.com/doc/v1/">'
        f"<MessageBody>{text.replace('&', '&amp;').replace('<', '&lt;')}</MessageBody></Message>"
    ).encode()
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    signed = f"POST\n\ntext/xml\n{date}\nx-mns-version:2015-06-06\n{target}"
    headers = {
        "Content-Type": "text/xml",
        "Date": date,
        "x-mns-version": "2015-06-06",
        "Authorization": f"MNS {KEY}:{mac(SECRET, signed)}",
    }
    send(MNS, "POST", target, body, headers)


def handler(event, context):
    content = json.loads(base64.b64decode(event))["content"]
    port = int(os.environ["BACKEND_PORTS"])
    backends = [
        {"ServerId": instance, "Port": port, "Weight": 100} for instance in content["instanceIds"]
    ]
    created = call(
        SLB,
        "2014-05-15",
        "CreateVServerGroup",
        LoadBalancerId=os.environ["LOAD_BALANCER_ID"],
        VServerGroupName=content["scalingActivityId"],
        BackendServers=json.dumps(backends),
    )
    publish(json.dumps({"VServerGroupId": created["VServerGroupId"], "BackendServers": backends}))
    call(
        ESS,
        "2022-02-22",
        "CompleteLifecycleAction",
        LifecycleHookId=content["lifecycleHookId"],
        LifecycleActionToken=content["lifecycleActionToken"],
        LifecycleActionResult="CONTINUE",
    )
    return created["VServerGroupId"]
