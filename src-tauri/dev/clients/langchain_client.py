"""LangChain's ChatOpenAI, on both APIs."""

from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from harness import API_KEY, BASE_URL, MODEL, PNG, SCHEMA, get_weather, run


def checks(**more):
    model = ChatOpenAI(model=MODEL, base_url=BASE_URL, api_key=API_KEY, max_retries=0, **more)

    def tools(prompt):
        weather = tool(get_weather)
        bound = model.bind_tools([weather])
        messages = [HumanMessage(prompt)]
        messages.append(bound.invoke(messages))
        while calls := messages[-1].tool_calls:
            messages += [weather.invoke(call) for call in calls]
            messages.append(bound.invoke(messages))
        return messages[-1].text

    def picture(prompt):
        parts = [{"type": "text", "text": prompt}, {"type": "image", "base64": PNG, "mime_type": "image/png"}]
        return model.invoke([HumanMessage(parts)]).text

    return {
        "answer": lambda prompt: model.invoke(prompt).text,
        "stream": lambda prompt: [chunk.text for chunk in model.stream(prompt)],
        "tools": tools,
        "schema": lambda prompt: model.with_structured_output({"title": "Weather", **SCHEMA}).invoke(prompt),
        "picture": picture,
    }


run("chat", **checks())
run("responses", **checks(use_responses_api=True))
