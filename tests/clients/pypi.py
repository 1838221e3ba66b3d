"""The clients from PyPI, as they are, streaming and not. SLUICE_URL says where, EXPECTED what an answer says."""

import os
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import ollama
import openai

warnings.simplefilter("error")
URL = os.environ["SLUICE_URL"]
EXPECTED = os.environ["EXPECTED"]
MODEL = "llama3.2"
MESSAGES = [{"role": "user", "content": "Hello"}]
OLLAMA = ollama.Client(host=URL)
OPENAI = openai.OpenAI(base_url=f"{URL}/v1", api_key="unused", max_retries=0)


def ollama_chat():
    return OLLAMA.chat(model=MODEL, messages=MESSAGES).message.content


def ollama_chat_stream():
    parts = list(OLLAMA.chat(model=MODEL, messages=MESSAGES, stream=True))
    text = "".join(part.message.content for part in parts)
    return text if parts[-1].done else f"not done: {text}"


def ollama_generate():
    return OLLAMA.generate(model=MODEL, prompt="Hello").response


def ollama_generate_stream():
    return "".join(part.response for part in OLLAMA.generate(model=MODEL, prompt="Hello", stream=True))


def openai_chat():
    answer = OPENAI.chat.completions.create(model=MODEL, messages=MESSAGES)
    choice = answer.choices[0]
    return choice.message.content if choice.finish_reason == "stop" and answer.usage.total_tokens else "no end"


def openai_chat_stream():
    options = {"include_usage": True}
    chunks = OPENAI.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True, stream_options=options)
    text, usage = "", None
    for chunk in chunks:
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        usage = chunk.usage or usage
    return text if usage and usage.total_tokens else "no usage"


def openai_completion():
    return OPENAI.completions.create(model=MODEL, prompt="Hello").choices[0].text


def openai_response():
    return OPENAI.responses.create(model=MODEL, input="Hello").output_text


def openai_response_stream():
    events = OPENAI.responses.create(model=MODEL, input="Hello", stream=True)
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


def ollama_embed():
    return len(OLLAMA.embed(model=MODEL, input=["a", "b"]).embeddings)


def openai_embeddings():
    return len(OPENAI.embeddings.create(model=MODEL, input=["a", "b"]).data)


def run(call):
    expected = 2 if "embed" in call.__name__ else EXPECTED
    try:
        got = call()
    except Exception as error:  # Whatever a client throws is what is to be shown.
        got = f"{type(error).__name__}: {error}"
    fine = got == expected
    print(f"{'ok' if fine else 'FAILED'} pypi {call.__name__}" + ("" if fine else f": {got!r}"), flush=True)
    return fine


CALLS = [
    ollama_chat, ollama_chat_stream, ollama_generate, ollama_generate_stream, ollama_embed,
    openai_chat, openai_chat_stream, openai_completion, openai_response, openai_response_stream, openai_embeddings,
]
with ThreadPoolExecutor(len(CALLS)) as pool:
    outcomes = list(pool.map(run, CALLS))
OPENAI.close()
OLLAMA.close()
sys.exit(0 if all(outcomes) else 1)
