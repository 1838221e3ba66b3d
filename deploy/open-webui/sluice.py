"""
title: Sluice
description: Models behind Sluice, with one's place in the line shown in the chat while one waits.
version: 0.2.0
license: Apache-2.0
"""

# A Pipe of Open WebUI's: Admin Panel, Functions, a new one with this text; then its valves. README.md beside it tells more.
#
# Open WebUI shows a bare cursor while a request waits, since it passes over what Sluice says meanwhile. Here it becomes status
# events: "In line: 3 of 5, about 12 s". Everything else goes to Sluice's /v1/chat/completions as Open WebUI has it.

import json

import aiohttp
from pydantic import BaseModel, Field


class Pipe:
    class Valves(BaseModel):
        url: str = Field(default="http://sluice:8080", description="Where Sluice is, without /v1")
        api_key: str = Field(default="", description="A key of Sluice's, where it has keys; one of class proxy tells people apart")

    def __init__(self):
        self.valves = self.Valves()

    async def pipes(self):
        """The models that are offered, each as one of Open WebUI's."""
        async with self._session() as session, session.get(f"{self.valves.url}/api/tags") as answer:
            told = await answer.json()
            if answer.status != 200:
                raise RuntimeError(sentence(told))
        return [{"id": model["name"], "name": model["name"]} for model in told["models"]]

    async def pipe(self, body, __user__=None, __chat_id__=None, __event_emitter__=None):
        """One chat, always streamed: whoever wants no stream gets all of it at once."""
        # The name of the function stands before the model's.
        request = body | {"model": body["model"].split(".", 1)[-1], "stream": True}
        chunks = read(self._lines(request, whose(__user__, __chat_id__)), __event_emitter__)
        if body.get("stream", True):
            return chunks
        return "".join([chunk["choices"][0]["delta"].get("content") or "" async for chunk in chunks if chunk.get("choices")])

    async def _lines(self, request, headers):
        """The lines of the answer. Closed early it hangs up, and so gives the place back."""
        url = f"{self.valves.url}/v1/chat/completions"
        async with self._session() as session, session.post(url, json=request, headers=headers) as answer:
            if answer.status != 200:
                raise RuntimeError(sentence(await answer.json(content_type=None)))
            async for line in answer.content:
                yield line.decode()

    def _session(self):
        key = self.valves.api_key
        # One may stand in line for a long time; Sluice says something every five seconds.
        timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
        return aiohttp.ClientSession(headers={"authorization": f"Bearer {key}"} if key else {}, timeout=timeout)


def whose(user, chat):
    """Whose a request is and of which chat, by the headers that Open WebUI's own connections have for it."""
    told = {"x-openwebui-user-id": user and user["id"], "x-openwebui-chat-id": chat}
    return {name: value for name, value in told.items() if value}


async def read(lines, emit):
    """The chunks of an answer; the places before them are told as status events."""
    told = None
    async for line in lines:
        if line.startswith(": queue "):
            said = in_words(json.loads(line.removeprefix(": queue ")))
            if said != told:
                told = said
                await tell(emit, said, done=False)
        elif line.startswith("data: ") and line.strip() != "data: [DONE]":
            chunk = json.loads(line.removeprefix("data: "))
            if told is not None:
                told = None
                await tell(emit, "", done=True)
            if "error" in chunk:
                raise RuntimeError(sentence(chunk))
            yield chunk


async def tell(emit, said, done):
    if emit is not None:
        await emit({"type": "status", "data": {"description": said, "done": done, "hidden": done}})


def in_words(place):
    """A place in the line as people read it."""
    if place["position"] == 0:
        return "Your turn: waiting for the model"
    if place.get("reason") == "settling":
        return "In line: Sluice has just started"
    eta = place.get("etaSeconds")
    about = f", about {eta} s" if eta is not None and eta < 90 else f", about {round(eta / 60)} min" if eta is not None else ""
    return f"In line: {place['position']} of {max(place['queued'], place['position'])}{about}"


def sentence(told):
    """What an error says, in Ollama's form or OpenAI's."""
    error = told.get("error", told) if isinstance(told, dict) else told
    return error.get("message", str(error)) if isinstance(error, dict) else str(error)
