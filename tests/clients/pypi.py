"""Clients from PyPI, as they are. `pypi.py NAME` runs the calls of one; see calls.py for what it is told and what it says.

Each function takes the address of a server and answers what the model said, as the client gives it out.
"""

import asyncio
import sys
import warnings

import calls

MODEL = "llama3.2"
MESSAGES = [{"role": "user", "content": "Hello"}]

warnings.simplefilter("ignore")


def ollama_python():
    import ollama

    def client(url):
        return ollama.Client(host=url)

    def stream(url):
        return "".join(part.message.content or "" for part in client(url).chat(MODEL, MESSAGES, stream=True))

    return {
        "chat": lambda url: client(url).chat(MODEL, MESSAGES).message.content,
        "chat, streamed": stream,
        "generate": lambda url: client(url).generate(MODEL, "Hello").response,
    }


def openai_python():
    import openai

    def client(url):
        return openai.OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0)

    def stream(url):
        chunks = client(url).chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    def response_stream(url):
        events = client(url).responses.create(model=MODEL, input="Hello", stream=True)
        return "".join(event.delta for event in events if event.type == "response.output_text.delta")

    return {
        "chat": lambda url: client(url).chat.completions.create(model=MODEL, messages=MESSAGES).choices[0].message.content,
        "chat, streamed": stream,
        "completion": lambda url: client(url).completions.create(model=MODEL, prompt="Hello").choices[0].text,
        "response, streamed": response_stream,
    }


def langchain_ollama():
    from langchain_ollama import ChatOllama

    def llm(url):
        return ChatOllama(model=MODEL, base_url=url)

    return {
        "invoke": lambda url: llm(url).invoke("Hello").content,
        "stream": lambda url: "".join(chunk.content for chunk in llm(url).stream("Hello")),
    }


def langchain_openai():
    from langchain_openai import ChatOpenAI

    def llm(url):
        return ChatOpenAI(model=MODEL, base_url=f"{url}/v1", api_key="unused", max_retries=0)

    return {
        "invoke": lambda url: llm(url).invoke("Hello").content,
        "stream": lambda url: "".join(chunk.content for chunk in llm(url).stream("Hello")),
    }


def litellm():
    import litellm

    def ask(prefix, url, **more):
        path = "/v1" if prefix == "openai" else ""
        return litellm.completion(
            model=f"{prefix}/{MODEL}", messages=MESSAGES, api_base=url + path, api_key="unused", num_retries=0, max_retries=0, **more
        )

    def document(prefix):
        return lambda url: ask(prefix, url).choices[0].message.content

    def stream(prefix):
        return lambda url: "".join(chunk.choices[0].delta.content or "" for chunk in ask(prefix, url, stream=True))

    return {
        "ollama/": document("ollama"),
        "ollama/, streamed": stream("ollama"),
        "ollama_chat/": document("ollama_chat"),
        "ollama_chat/, streamed": stream("ollama_chat"),
        "openai/": document("openai"),
    }


def dspy():
    import dspy

    def ask(url):
        lm = dspy.LM(f"ollama_chat/{MODEL}", api_base=f"{url}/v1", api_key="unused", num_retries=0, cache=False)
        said = lm("Hello")
        return said[0] if isinstance(said[0], str) else said[0]["text"]

    return {"LM": ask}


def instructor():
    import instructor
    import openai

    def ask(url):
        client = instructor.from_openai(
            openai.OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0), mode=instructor.Mode.JSON
        )
        return client.chat.completions.create(model=MODEL, messages=MESSAGES, response_model=None, max_retries=0).choices[0].message.content

    return {"chat": ask}


def pydantic_ai():
    from openai import AsyncOpenAI
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    def agent(url):
        client = AsyncOpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0)
        return Agent(OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=client)), retries=0)

    async def run(url):
        return (await agent(url).run("Hello")).output

    async def stream(url):
        async with agent(url).run_stream("Hello") as result:
            return await result.get_output()

    return {"run": lambda url: asyncio.run(run(url)), "run, streamed": lambda url: asyncio.run(stream(url))}


def openai_agents():
    import agents
    from openai import AsyncOpenAI

    agents.set_tracing_disabled(True)

    def agent(url):
        client = AsyncOpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0)
        model = agents.OpenAIChatCompletionsModel(model=MODEL, openai_client=client)
        return agents.Agent(name="a", instructions="", model=model)

    async def run(url):
        return (await agents.Runner.run(agent(url), "Hello")).final_output

    async def stream(url):
        result = agents.Runner.run_streamed(agent(url), "Hello")
        async for _ in result.stream_events():
            pass
        return result.final_output

    return {"run": lambda url: asyncio.run(run(url)), "run, streamed": lambda url: asyncio.run(stream(url))}


def smolagents():
    from smolagents import OpenAIServerModel

    def ask(url):
        model = OpenAIServerModel(MODEL, api_base=f"{url}/v1", api_key="unused", client_kwargs={"max_retries": 0}, retry=False)
        return model([{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]).content

    return {"model": ask}


def agno():
    from agno.agent import Agent
    from agno.models.ollama import Ollama

    def ask(url):
        result = Agent(model=Ollama(id=MODEL, host=url), telemetry=False).run("Hello")
        if str(getattr(result.status, "value", result.status)).lower() == "error":
            raise RuntimeError(result.content)
        return result.content

    return {"run": ask}


def haystack():
    from haystack.dataclasses import ChatMessage
    from haystack_integrations.components.generators.ollama import OllamaChatGenerator

    def ask(url):
        generator = OllamaChatGenerator(model=MODEL, url=url)
        return generator.run([ChatMessage.from_user("Hello")])["replies"][0].text

    return {"run": ask}


def llama_index():
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.ollama import Ollama

    def llm(url):
        return Ollama(model=MODEL, base_url=url, request_timeout=120)

    def stream(url):
        return "".join(part.delta or "" for part in llm(url).stream_chat([ChatMessage("Hello")]))

    return {
        "chat": lambda url: llm(url).chat([ChatMessage("Hello")]).message.content,
        "chat, streamed": stream,
    }


CLIENTS = {
    "ollama": ollama_python,
    "openai": openai_python,
    "langchain-ollama": langchain_ollama,
    "langchain-openai": langchain_openai,
    "litellm": litellm,
    "dspy": dspy,
    "instructor": instructor,
    "pydantic-ai": pydantic_ai,
    "openai-agents": openai_agents,
    "smolagents": smolagents,
    "agno": agno,
    "ollama-haystack": haystack,
    "llama-index-llms-ollama": llama_index,
}

calls.run(CLIENTS[sys.argv[1]]())
