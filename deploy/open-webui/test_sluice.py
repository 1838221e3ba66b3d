"""The Pipe without Open WebUI and without a network: `python3 deploy/open-webui/test_sluice.py`."""

import asyncio
import sys
import types
import unittest

# What Open WebUI brings along is not needed for what is looked at here.
for name in ["aiohttp", "pydantic"]:
    sys.modules.setdefault(name, types.ModuleType(name))
sys.modules["pydantic"].BaseModel = object
sys.modules["pydantic"].Field = lambda default, description: default

import sluice  # noqa: E402


def chunk(text):
    return {"choices": [{"index": 0, "delta": {"content": text}}]}


WAIT = [
    ': queue {"ticket":"7-a","position":3,"queued":5,"active":4,"max":4,"etaSeconds":12}\n',
    "\n",
    ': queue {"ticket":"7-a","position":3,"queued":5,"active":4,"max":4,"etaSeconds":12}\n',
    ': queue {"ticket":"7-a","position":1,"queued":5,"active":4,"max":4,"etaSeconds":200}\n',
    ': queue {"ticket":"7-a","position":0,"queued":4,"active":4,"max":4}\n',
    ": waiting for the model\n",
]
ANSWER = ['data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n', "\n", 'data: {"choices":[{"index":0,"delta":{"content":"!"}}]}\n', "data: [DONE]\n"]


class PipeTest(unittest.TestCase):
    def ask(self, lines, body=None):
        """What the Pipe answers to these lines, the events that it sends, and the request that it makes with its headers."""
        events, requests = [], []

        async def emit(event):
            events.append(event["data"])

        class Scripted(sluice.Pipe):
            async def _lines(self, request, headers):
                requests.append(request | headers)
                for line in lines:
                    yield line

        async def run():
            body_or_default = body or {"model": "sluice.llama3.2:3b", "messages": [], "stream": True}
            said = await Scripted().pipe(body_or_default, {"id": "ada"}, "chat-7", emit)
            return said if isinstance(said, str) else [part async for part in said]

        return asyncio.run(run()), events, requests

    def test_each_new_place_is_a_status_and_the_first_word_takes_it_away(self):
        said, events, requests = self.ask(WAIT + ANSWER)
        self.assertEqual(said, [chunk("Hi"), chunk("!")])
        told = [event["description"] for event in events]
        self.assertEqual(
            told, ["In line: 3 of 5, about 12 s", "In line: 1 of 5, about 3 min", "Your turn: waiting for the model", ""]
        )
        self.assertEqual([event["done"] for event in events], [False, False, False, True])
        self.assertTrue(events[-1]["hidden"])
        self.assertEqual(requests[0]["model"], "llama3.2:3b")

    def test_without_a_wait_nothing_is_told(self):
        said, events, _ = self.ask(ANSWER)
        self.assertEqual((said, events), ([chunk("Hi"), chunk("!")], []))

    def test_an_error_after_the_wait_is_raised_with_its_sentence(self):
        error = ['data: {"error":{"message":"waited too long for a place","type":"api_error"}}\n']
        with self.assertRaisesRegex(RuntimeError, "^waited too long for a place$"):
            self.ask(WAIT + error)

    def test_sluice_is_told_whose_a_request_is_and_of_which_chat(self):
        _, _, [request] = self.ask(ANSWER)
        self.assertEqual([request["x-openwebui-user-id"], request["x-openwebui-chat-id"]], ["ada", "chat-7"])
        self.assertEqual(sluice.whose(None, None), {})

    def test_who_wants_no_stream_gets_the_text(self):
        said, _, requests = self.ask(WAIT + ANSWER, {"model": "sluice.m", "messages": [], "stream": False})
        self.assertEqual((said, requests[0]["stream"]), ("Hi!", True))


unittest.main()
